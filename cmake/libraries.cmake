# The shared library, and the small one that only loads and samples models.
#
# What they export is what the public headers declare (tools/abi_symbols): everything else is hidden by the compiler and, for
# functions of several versions, which compilers leave visible, by the linker.
set(PF_MAP ${CMAKE_BINARY_DIR}/pushforward.map)
file(GLOB PF_PUBLIC_HEADERS CONFIGURE_DEPENDS ${CMAKE_SOURCE_DIR}/include/*.h)
add_custom_command(OUTPUT ${PF_MAP} COMMAND ${CMAKE_SOURCE_DIR}/tools/abi_symbols --map ${PF_MAP}
                   DEPENDS ${PF_PUBLIC_HEADERS} ${CMAKE_SOURCE_DIR}/tools/abi_symbols VERBATIM)
add_custom_target(pushforward_map DEPENDS ${PF_MAP})

# -z defs: a symbol that no named library has is an error here, not in a program of somebody else.
function(pf_shared target name)
  add_library(${target} SHARED ${ARGN})
  add_dependencies(${target} pushforward_map)
  set_target_properties(${target} PROPERTIES OUTPUT_NAME ${name} VERSION ${PROJECT_VERSION}
                        SOVERSION ${PROJECT_VERSION_MAJOR} LINK_DEPENDS ${PF_MAP} LINKER_LANGUAGE C)
  target_link_options(${target} PRIVATE -Wl,--version-script=${PF_MAP} -Wl,-z,defs -Wl,--as-needed)
  target_include_directories(${target} PUBLIC $<BUILD_INTERFACE:${CMAKE_SOURCE_DIR}/include>)
endfunction()

pf_shared(pushforward_shared pushforward ${objects})
target_link_libraries(pushforward_shared PRIVATE ${PF_DEPENDENCIES})

# The small library holds these layers whole and of the others these files. A new dependency of what it holds shows as an
# undefined symbol when it is linked: name its file here, or keep what samples free of it.
set(sampler_objects "")
foreach(layer base graph exec nn)
  list(APPEND sampler_objects $<TARGET_OBJECTS:pf_${layer}>)
endforeach()
function(pf_sampler_takes layer names)
  set(sampler_objects ${sampler_objects} "$<FILTER:$<TARGET_OBJECTS:pf_${layer}>,INCLUDE,/(${names})\\.c>" PARENT_SCOPE)
endfunction()
pf_sampler_takes(ode "fixed|local_linear|solver|tableau")
pf_sampler_takes(data "atomic_file|checksum|encoder|encoder_file|encoder_normal|encoder_quantile|encoder_quantile_fit|\
json_util|safetensors|safetensors_read|safetensors_write|table|table_source")
pf_sampler_takes(flow "cnf|critic|field|given|interpolant|interpolant_graph|learned|time_map")
pf_sampler_takes(model "draw|file|file_maps|model|prior|sampler|sampler_create")
pf_sampler_takes(api "sample")
add_library(pf_absent OBJECT ${CMAKE_SOURCE_DIR}/src/ode/adaptive_absent.c) # in the place of ARKODE
target_include_directories(pf_absent PRIVATE ${CMAKE_SOURCE_DIR}/include)
list(APPEND sampler_objects $<TARGET_OBJECTS:pf_absent>)

add_library(pushforward_sampler_static STATIC ${sampler_objects})
set_target_properties(pushforward_sampler_static PROPERTIES OUTPUT_NAME pushforward-sampler LINKER_LANGUAGE C)
target_include_directories(pushforward_sampler_static PUBLIC $<BUILD_INTERFACE:${CMAKE_SOURCE_DIR}/include>)
target_link_libraries(pushforward_sampler_static PUBLIC Threads::Threads pushforward::jansson m)
pf_shared(pushforward_sampler pushforward-sampler ${sampler_objects})
target_link_libraries(pushforward_sampler PRIVATE Threads::Threads pushforward::jansson m)
