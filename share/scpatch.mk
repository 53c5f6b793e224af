# SPDX-License-Identifier: BSD-3-Clause
#
# For makefiles of programs in user space: the objects of a target are patched when
# they are compiled. With make's own rules, or others that call $(CC) -c:
#
#   include /usr/local/share/scpatch/scpatch.mk
#   CPPFLAGS += $(SCPATCH_CPPFLAGS)
#   app: CC := $(SCPATCH_COMPILE) $(CC)
#
# Set SCPATCH and SCPATCHFLAGS before the include to have others.

SCPATCH_SHARE := $(patsubst %/,%,$(dir $(lastword $(MAKEFILE_LIST))))
SCPATCH ?= $(or $(wildcard $(SCPATCH_SHARE:%/share/scpatch=%)/bin/scpatch),scpatch)
SCPATCHFLAGS ?= --user --quiet

# Goes in front of a compiler. Objects for other machines than ppc64le stay as they are.
SCPATCH_COMPILE = $(SCPATCH) compile $(SCPATCHFLAGS) --

# For <scpatch/static_call.h>. A cross compiler does not look into the host's
# include directory; if it has to, then after its own.
SCPATCH_CPPFLAGS := -idirafter $(SCPATCH_SHARE:%/share/scpatch=%)/include
