# What libpushforward.a is linked with: targets, and PUSHFORWARD_MISSING, the names of what was not found. Read by the build
# and, installed, by find_package(pushforward).
set(PUSHFORWARD_MISSING "")

foreach(package Threads ZLIB PNG)
  find_package(${package} QUIET)
  if(NOT ${package}_FOUND)
    list(APPEND PUSHFORWARD_MISSING ${package})
  endif()
endforeach()

foreach(library jansson:jansson arkode:sundials_arkode nvecserial:sundials_nvecserial lapacke:lapacke openblas:openblas)
  string(REGEX REPLACE ":.*" "" target ${library})
  string(REGEX REPLACE ".*:" "" name ${library})
  find_library(PUSHFORWARD_${target}_LIBRARY ${name})
  mark_as_advanced(PUSHFORWARD_${target}_LIBRARY)
  if(NOT PUSHFORWARD_${target}_LIBRARY)
    list(APPEND PUSHFORWARD_MISSING ${name})
  elseif(NOT TARGET pushforward::${target})
    add_library(pushforward::${target} UNKNOWN IMPORTED)
    set_target_properties(pushforward::${target} PROPERTIES IMPORTED_LOCATION ${PUSHFORWARD_${target}_LIBRARY})
  endif()
endforeach()
