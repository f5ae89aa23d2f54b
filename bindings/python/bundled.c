/* What the static libraries of others lack when they are linked into a shared one, the library of a Python wheel.
 *
 * They were compiled for programs and reach the C library's streams without an indirection that a shared library needs: the
 * linker (--wrap) leads those references to variables of our own.
 *
 * LAPACK's eigenvalues reach two routines of Fortran's run-time library, whose static form cannot be linked into a shared
 * library at all and whose shared form is as large as all the rest. The reference BLAS that stands in for OpenBLAS has one
 * thread. */
#include <stddef.h>
#include <stdio.h>
#include <string.h>

extern FILE *__wrap_stdin, *__wrap_stderr, *__real_stdin, *__real_stderr;
FILE *__wrap_stdin, *__wrap_stderr;

__attribute__((constructor)) static void find_streams(void) {
  __wrap_stdin = __real_stdin;
  __wrap_stderr = __real_stderr;
}

void _gfortran_concat_string(size_t length, char *out, size_t n, const char *a, size_t m, const char *b);
void xerbla_(const char *routine, const int *argument, size_t length);

/* out = a // b, cut or filled with blanks. */
void _gfortran_concat_string(size_t length, char *out, size_t n, const char *a, size_t m, const char *b) {
  memset(out, ' ', length);
  if (n > length) n = length;
  if (m > length - n) m = length - n;
  memcpy(out, a, n);
  memcpy(out + n, b, m);
}

/* LAPACK's own prints and ends the program when an argument is wrong; the routine's info says so, too, and is looked at. */
void xerbla_(const char *routine, const int *argument, size_t length) {
  (void)routine, (void)argument, (void)length;
}

int openblas_get_num_threads(void);
void openblas_set_num_threads(int threads);

int openblas_get_num_threads(void) { return 1; }
void openblas_set_num_threads(int threads) { (void)threads; }
