# SPDX-License-Identifier: BSD-3-Clause
#
# For makefiles of user-space programs: patches the objects of a target when they are
# compiled. It works with make's own rules, and with others that call $(CC) -c:
#
#   include /usr/local/share/scpatch/scpatch.mk
#   CPPFLAGS += $(SCPATCH_CPPFLAGS)
#   app: CC := $(SCPATCH_COMPILE) $(CC)
#
# To use another scpatch or other options, set SCPATCH and SCPATCHFLAGS before the include.

SCPATCH_SHARE := $(patsubst %/,%,$(dir $(lastword $(MAKEFILE_LIST))))
SCPATCH ?= $(or $(wildcard $(SCPATCH_SHARE:%/share/scpatch=%)/bin/scpatch),scpatch)
SCPATCHFLAGS ?= --user --quiet

# Put this before a compiler. Objects for machines other than ppc64le stay as they are.
SCPATCH_COMPILE = $(SCPATCH) compile $(SCPATCHFLAGS) --

# For <scpatch/static_call.h>. A cross compiler does not search the host's include
# directory; -idirafter makes it search that after its own.
SCPATCH_CPPFLAGS := -idirafter $(SCPATCH_SHARE:%/share/scpatch=%)/include
