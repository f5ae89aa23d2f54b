# cmake --install: components command, library, sampler, development and python (docs/embedding.md says how to use them).
include(GNUInstallDirs)
include(CMakePackageConfigHelpers)
option(PF_BUNDLED "look for the libraries of others beside our own, wherever the folder lies (./run package)" OFF)
set(PF_ZSH_DIR ${CMAKE_INSTALL_DATADIR}/zsh/site-functions CACHE STRING "where zsh's completion goes, below the prefix")
set(PF_PYTHON_DIR ${CMAKE_INSTALL_LIBDIR}/python3/dist-packages CACHE STRING "where the Python package goes, below the prefix")

# ---- pages ----

set(pages ${CMAKE_BINARY_DIR}/share)
if(NOT CMAKE_CROSSCOMPILING)
  add_custom_command(OUTPUT ${pages}/made COMMAND ${CMAKE_SOURCE_DIR}/tools/make_pages $<TARGET_FILE:pushforward_cli> ${pages}
                     DEPENDS pushforward_cli ${CMAKE_SOURCE_DIR}/tools/make_pages VERBATIM)
  add_custom_target(pushforward_pages ALL DEPENDS ${pages}/made)
  install(DIRECTORY ${pages}/man/ DESTINATION ${CMAKE_INSTALL_MANDIR} COMPONENT command)
  install(FILES ${pages}/pushforward.bash DESTINATION ${CMAKE_INSTALL_DATADIR}/bash-completion/completions
          RENAME pushforward COMPONENT command)
  install(FILES ${pages}/_pushforward DESTINATION ${PF_ZSH_DIR} COMPONENT command)
endif()

# ---- programs and libraries ----

# An old-style RPATH, since it also serves the libraries that those beside it need.
if(PF_BUNDLED)
  foreach(target pushforward_cli pushforward_shared pushforward_sampler)
    target_link_options(${target} PRIVATE -Wl,--disable-new-dtags)
  endforeach()
  file(RELATIVE_PATH to_libraries /${CMAKE_INSTALL_BINDIR} /${CMAKE_INSTALL_LIBDIR})
  set_target_properties(pushforward_cli PROPERTIES INSTALL_RPATH "$ORIGIN/${to_libraries}")
  set_target_properties(pushforward_shared pushforward_sampler PROPERTIES INSTALL_RPATH "$ORIGIN")
endif()

install(TARGETS pushforward_cli RUNTIME DESTINATION ${CMAKE_INSTALL_BINDIR} COMPONENT command)
function(pf_install target component export name)
  set_target_properties(${target} PROPERTIES EXPORT_NAME ${name})
  install(TARGETS ${target} EXPORT pushforward-${export}
          LIBRARY DESTINATION ${CMAKE_INSTALL_LIBDIR} COMPONENT ${component} NAMELINK_COMPONENT development
          ARCHIVE DESTINATION ${CMAKE_INSTALL_LIBDIR} COMPONENT development
          INCLUDES DESTINATION ${CMAKE_INSTALL_INCLUDEDIR})
endfunction()
pf_install(pushforward_shared library shared pushforward)
pf_install(pushforward_sampler sampler shared sampler)
pf_install(pushforward development static static)
pf_install(pushforward_sampler_static development sampler_static sampler_static)
install(FILES ${PF_PUBLIC_HEADERS} DESTINATION ${CMAKE_INSTALL_INCLUDEDIR} COMPONENT development)
install(FILES ${CMAKE_SOURCE_DIR}/LICENSE DESTINATION ${CMAKE_INSTALL_DOCDIR} COMPONENT command)

# ---- Python: it looks for the library in the folders above itself, then in the system ----

install(DIRECTORY bindings/python/pushforward DESTINATION ${PF_PYTHON_DIR} COMPONENT python
        FILES_MATCHING PATTERN "*.py" PATTERN py.typed PATTERN __pycache__ EXCLUDE)
file(WRITE ${CMAKE_BINARY_DIR}/METADATA # for pip and importlib.metadata
     "Metadata-Version: 2.1\nName: pushforward\nVersion: ${PROJECT_VERSION}\nRequires-Dist: numpy>=1.24\n")
install(FILES ${CMAKE_BINARY_DIR}/METADATA DESTINATION ${PF_PYTHON_DIR}/pushforward-${PROJECT_VERSION}.dist-info COMPONENT python)

# ---- find_package, pkg-config ----

set(config_dir ${CMAKE_INSTALL_LIBDIR}/cmake/pushforward)
foreach(set shared static sampler_static)
  install(EXPORT pushforward-${set} NAMESPACE pushforward:: FILE pushforward-${set}.cmake DESTINATION ${config_dir}
          COMPONENT development)
endforeach()
configure_package_config_file(cmake/pushforwardConfig.cmake.in ${CMAKE_BINARY_DIR}/pushforwardConfig.cmake
                              INSTALL_DESTINATION ${config_dir} NO_SET_AND_CHECK_MACRO)
write_basic_package_version_file(${CMAKE_BINARY_DIR}/pushforwardConfigVersion.cmake COMPATIBILITY SameMinorVersion)
install(FILES ${CMAKE_BINARY_DIR}/pushforwardConfig.cmake ${CMAKE_BINARY_DIR}/pushforwardConfigVersion.cmake
        ${CMAKE_SOURCE_DIR}/cmake/pushforwardDependencies.cmake DESTINATION ${config_dir} COMPONENT development)

# The prefix follows from where the .pc file lies, so that the whole may be moved.
file(RELATIVE_PATH pc_prefix /${CMAKE_INSTALL_LIBDIR}/pkgconfig /)
string(REGEX REPLACE "/$" "" pc_prefix ${pc_prefix})
function(pf_pc name description private)
  configure_file(cmake/pushforward.pc.in ${CMAKE_BINARY_DIR}/${name}.pc @ONLY)
  install(FILES ${CMAKE_BINARY_DIR}/${name}.pc DESTINATION ${CMAKE_INSTALL_LIBDIR}/pkgconfig COMPONENT development)
endfunction()
pf_pc(pushforward "generative models that sample in one network evaluation"
      "-lsundials_arkode -lsundials_nvecserial -llapacke -lopenblas -lpng16 -lz -ljansson -lpthread -lm")
pf_pc(pushforward-sampler "loads and samples models of pushforward" "-ljansson -lpthread -lm")
