# SPDX-License-Identifier: BSD-3-Clause
#
# For CMake projects with user-space programs:
#
#   find_package(Scpatch REQUIRED)
#   scpatch_patch(app)                                       # --user --quiet
#   scpatch_patch(fixed --user --quiet --runtime none)       # with these options
#
# The objects of the target, an executable or a library, are patched when they are
# compiled, and the compiler finds <scpatch/static_call.h>. Objects for machines other
# than ppc64le stay as they are. This works with the Ninja and Unix Makefiles
# generators, which support compiler launchers. If the target has a launcher already,
# such as ccache, this one calls it.
#
# A change of the options, or of scpatch, does not by itself compile anything again.

get_filename_component(Scpatch_PREFIX "${CMAKE_CURRENT_LIST_DIR}/../../.." ABSOLUTE)
find_program(Scpatch_EXECUTABLE scpatch HINTS "${Scpatch_PREFIX}/bin")
if(NOT Scpatch_EXECUTABLE)
  set(Scpatch_FOUND FALSE)
  set(Scpatch_NOT_FOUND_MESSAGE "no scpatch in ${Scpatch_PREFIX}/bin, and none in the path")
  return()
endif()

function(scpatch_patch target)
  if(CMAKE_GENERATOR MATCHES "Xcode|Visual Studio")
    message(FATAL_ERROR "scpatch_patch: the generator ${CMAKE_GENERATOR} knows no launchers of compilers")
  endif()
  set(options ${ARGN})
  if(NOT options)
    set(options --user --quiet)
  endif()
  foreach(language C CXX)
    get_target_property(launcher ${target} ${language}_COMPILER_LAUNCHER)
    if(NOT launcher)
      set(launcher "")
    endif()
    set_property(TARGET ${target} PROPERTY ${language}_COMPILER_LAUNCHER
      "${Scpatch_EXECUTABLE}" compile ${options} -- ${launcher})
  endforeach()
  # After the compiler's own directories: for a cross compiler these are the host's. In
  # one word: of two -idirafter CMake would drop the second, and leave its directory.
  target_compile_options(${target} PRIVATE "-idirafter${Scpatch_PREFIX}/include")
endfunction()
