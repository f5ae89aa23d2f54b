/* Atomic files: write aside, sync, rename. See atomic_file.h. */
#include "data/atomic_file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include "base/memory.h"

static pf_status fail_write(const char *path, const char *what, int reason, pf_error *error) {
  return pf_fail(error, PF_IO, "%.300s: %s: %s", path, what, strerror(reason));
}

/* What a rename must replace: the file a link points to, or the path itself. */
static pf_status resolve_target(const char *path, char **out, pf_error *error) {
  char *real = realpath(path, NULL);
  pf_status status = pf_strdup(real ? real : path, out, error);
  free(real);
  return status;
}

/* Creates PATH.tmp.PID.K with the first free K; the mode of an existing target is kept. */
static pf_status open_temporary(pf_atomic_file *file, const struct stat *existing, pf_error *error) {
  size_t room = strlen(file->target) + 64;
  PF_TRY(pf_alloc(room, 1, &file->temporary, error));
  int descriptor = -1;
  for (unsigned k = 0; k < 1000 && descriptor < 0; k++) {
    snprintf(file->temporary, room, "%s.tmp.%ld.%u", file->target, (long)getpid(), k);
    descriptor = open(file->temporary, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
    if (descriptor < 0 && errno != EEXIST) break;
  }
  int reason = errno;
  if (descriptor >= 0) {
    if (existing) (void)fchmod(descriptor, existing->st_mode & 07777);
    file->stream = fdopen(descriptor, "wb");
    if (file->stream) return PF_OK;
    reason = errno;
    close(descriptor);
    unlink(file->temporary);
  }
  pf_free(file->temporary);
  file->temporary = NULL;
  return fail_write(file->path, "cannot create", reason, error);
}

static pf_status open_direct(pf_atomic_file *file, pf_error *error) {
  file->stream = fopen(file->target, "wb");
  return file->stream ? PF_OK : fail_write(file->path, "cannot open for writing", errno, error);
}

static pf_status begin(pf_atomic_file *file, const char *path, pf_error *error) {
  struct stat facts;
  PF_TRY(pf_strdup(path, &file->path, error));
  PF_TRY(resolve_target(path, &file->target, error));
  bool exists = stat(file->target, &facts) == 0;
  if (exists && S_ISDIR(facts.st_mode)) return fail_write(path, "cannot write", EISDIR, error);
  if (exists && !S_ISREG(facts.st_mode)) return open_direct(file, error);
  return open_temporary(file, exists ? &facts : NULL, error);
}

pf_status pf_atomic_file_begin(const char *path, pf_atomic_file *out, pf_error *error) {
  pf_atomic_file file = {0};
  pf_status status = begin(&file, path, error);
  if (status != PF_OK) {
    pf_atomic_file_abort(&file);
    return status;
  }
  *out = file;
  return PF_OK;
}

pf_status pf_atomic_file_write(pf_atomic_file *file, const void *bytes, size_t length, pf_error *error) {
  if (length == 0 || fwrite(bytes, 1, length, file->stream) == length) return PF_OK;
  return fail_write(file->path, "writing failed", errno, error);
}

/* The rename itself must survive a crash. Folders of some file systems cannot be synced: that is fine. Cuts the
 * target's name off: the new file stands, so nothing here may fail for lack of memory. */
static pf_status sync_folder(pf_atomic_file *file, pf_error *error) {
  char *folder = file->target, *slash = strrchr(folder, '/');
  if (slash) slash[slash == folder ? 1 : 0] = '\0';
  int descriptor = open(slash ? folder : ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (descriptor < 0) return PF_OK;
  int failed = fsync(descriptor), reason = errno;
  close(descriptor);
  if (failed && reason != EINVAL && reason != EROFS && reason != EBADF) {
    return fail_write(file->path, "syncing the folder failed", reason, error);
  }
  return PF_OK;
}

/* Flush, sync and close: each may be the one that meets the full disk. */
static pf_status finish_stream(pf_atomic_file *file, pf_error *error) {
  FILE *stream = file->stream;
  bool broken = ferror(stream) != 0; /* an earlier stdio call failed; errno is long gone */
  int reason = 0;
  if (fflush(stream) != 0) reason = errno;
  if (!reason && !broken && file->temporary && fsync(fileno(stream)) != 0) reason = errno;
  if (fclose(stream) != 0 && !reason) reason = errno;
  file->stream = NULL;
  if (reason) return fail_write(file->path, "writing failed", reason, error);
  if (broken) return pf_fail(error, PF_IO, "%.300s: writing failed", file->path);
  return PF_OK;
}

pf_status pf_atomic_file_commit(pf_atomic_file *file, pf_error *error) {
  pf_status status = finish_stream(file, error);
  if (status == PF_OK && file->temporary) {
    if (rename(file->temporary, file->target) != 0) {
      status = fail_write(file->path, "cannot rename the finished file", errno, error);
    } else {
      pf_free(file->temporary);
      file->temporary = NULL;
      status = sync_folder(file, error);
    }
  }
  pf_atomic_file_abort(file);
  return status;
}

void pf_atomic_file_abort(pf_atomic_file *file) {
  if (file->stream) fclose(file->stream);
  if (file->temporary) unlink(file->temporary);
  pf_free(file->temporary);
  pf_free(file->target);
  pf_free(file->path);
  *file = (pf_atomic_file){0};
}

pf_status pf_atomic_file_save(const char *path, const void *bytes, size_t length, pf_error *error) {
  pf_atomic_file file = {0};
  PF_TRY(pf_atomic_file_begin(path, &file, error));
  pf_status status = pf_atomic_file_write(&file, bytes, length, error);
  if (status != PF_OK) {
    pf_atomic_file_abort(&file);
    return status;
  }
  return pf_atomic_file_commit(&file, error);
}
