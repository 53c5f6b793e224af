/* SPDX-License-Identifier: GPL-2.0-only */
/* More than a branch reaches, so that the rest of the image is far away. */
	.text
	.space	40 << 20
