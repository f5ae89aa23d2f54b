# pushforward_python: the library as a Python wheel carries it (tools/package_wheel), python/libpushforward.so.0. It asks nothing of
# the system but the C library: the libraries of others are linked in, LAPACK and BLAS as the reference ones, of which a few
# routines are needed, where OpenBLAS alone would be ten times the wheel.
set(PF_STATIC "")
set(missing "")
foreach(name jansson png16 z sundials_arkode sundials_nvecserial lapacke lapack_pic blas)
  find_library(PF_STATIC_${name} lib${name}.a HINTS /usr/lib/${CMAKE_LIBRARY_ARCHITECTURE}/${name}) # .../blas: not OpenBLAS' own
  mark_as_advanced(PF_STATIC_${name})
  list(APPEND PF_STATIC ${PF_STATIC_${name}})
  if(NOT PF_STATIC_${name})
    list(APPEND missing lib${name}.a)
  endif()
endforeach()

if(missing)
  message(STATUS "no wheel can be made: ${missing} not found")
else()
  pf_shared(pushforward_python pushforward ${objects} ${CMAKE_SOURCE_DIR}/bindings/python/bundled.c)
  set_target_properties(pushforward_python PROPERTIES EXCLUDE_FROM_ALL TRUE
                        LIBRARY_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/python)
  # -Bsymbolic: not the functions of another libpushforward that the program may hold; --wrap: bundled.c
  target_link_options(pushforward_python PRIVATE -Wl,-Bsymbolic -Wl,--wrap=stdin -Wl,--wrap=stderr)
  target_link_libraries(pushforward_python PRIVATE Threads::Threads ${PF_STATIC} m)
endif()
