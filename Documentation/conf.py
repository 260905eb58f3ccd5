# SPDX-License-Identifier: GPL-2.0
"""How sphinx builds this: see tools/docs/build.

kernel-doc comments are read by the kernel's own extension and script, of the
source tree that PVMEMCONTROL_KERNEL names.
"""

import logging
import os
import sys

kernel = os.environ['PVMEMCONTROL_KERNEL']
here = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(kernel, 'Documentation/sphinx'))
sys.dont_write_bytecode = True

project = 'pvmemcontrol'
copyright = 'the pvmemcontrol developers; GPL-2.0'   # pylint: disable=W0622
version = release = os.environ.get('PVMEMCONTROL_VERSION', '')

extensions = ['kerneldoc', 'kernel_abi']
kerneldoc_bin = os.path.join(kernel, 'scripts/kernel-doc')
kerneldoc_srctree = os.path.dirname(here)

primary_domain = 'c'
highlight_language = 'none'
nitpicky = False
html_theme = 'alabaster'
html_show_sourcelink = False
html_copy_source = False
# What the comments say of functions' attributes, and the kernel's types.
c_id_attributes = ['__percpu', '__rcu', '__init', '__iomem']


# A structure and a function of the same name are two things in C, and one to
# sphinx.
BOTH = ('mem_table_reserve', 'pvmemcontrol_perm_change')


def both(record):
    """Whether a message is about something else than that."""
    text = record.getMessage()
    return not (text.startswith('Duplicate C declaration') and
                any(f' {name} (' in text for name in BOTH))


logging.getLogger('sphinx.sphinx.domains.c').addFilter(both)
