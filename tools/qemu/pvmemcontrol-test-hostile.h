/*
 * Tests of the pvmemcontrol device: a guest that does anything
 *
 * Bytes become what a guest does: registers written in any way, requests for
 * any memory, vectors, protections, resets.  A model of the device, which knows
 * the protocol and none of its code, is asked what may come of each step.
 *
 * The fuzzer plays it with a device in its own process, the test program with
 * one in another.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#ifndef TESTS_PVMEMCONTROL_TEST_HOSTILE_H
#define TESTS_PVMEMCONTROL_TEST_HOSTILE_H

#include <linux/pvmemcontrol.h>
#include <linux/pvmemcontrol_pci.h>

/* The machine: little RAM, low limits */
#define HOSTILE_PAGE UINT64_C(4096)
#define HOSTILE_RAM (UINT64_C(4) << 20)
#define HOSTILE_PAGES (HOSTILE_RAM / HOSTILE_PAGE)
#define HOSTILE_BAR UINT64_C(0xe0000000)
#define HOSTILE_DEVFN 0x20
#define HOSTILE_MAX_CONNECTIONS 8
#define HOSTILE_MAX_RANGES 24
#define HOSTILE_MAX_LOCKED (16 * HOSTILE_PAGE)
#define HOSTILE_MACHINE                                                     \
    "-M q35,mem-merge=off -m 4M -nodefaults "
#define HOSTILE_DEVICE                                                      \
    "-device pvmemcontrol,id=mc,addr=04.0,max-connections=8,"               \
    "max-ranges=24,max-locked-bytes=64K"
/* What may be RAM or not, as the bridge says */
#define HOSTILE_HOLE UINT64_C(0xa0000)
#define HOSTILE_PAM UINT64_C(0xc0000)
#define HOSTILE_HOLE_END UINT64_C(0x100000)
/* Where most of what it does happens */
#define HOSTILE_WINDOW UINT64_C(0x200000)
#define HOSTILE_WINDOW_PAGES 32

typedef enum HostilePhase {
    HOSTILE_BROKEN, HOSTILE_INIT, HOSTILE_WORKING,
} HostilePhase;

typedef struct Hostile Hostile;

typedef struct HostileFault {
    unsigned int mode;          /* as x-fault-mode has them, in this order */
    uint32_t host_errno;
    uint32_t period;
    uint64_t codes;
} HostileFault;

#define HOSTILE_NR_FAULTS 8
extern const char *const hostile_fault_names[HOSTILE_NR_FAULTS];

/* How to reach the device */
typedef struct HostileOps {
    /* RAM, as other devices access it */
    void (*read)(Hostile *h, uint64_t gpa, void *buf, size_t len);
    void (*write)(Hostile *h, uint64_t gpa, const void *buf, size_t len);
    /* The BAR, or what is where it should be.  1, 2, 4 or 8 bytes */
    uint64_t (*mmio_read)(Hostile *h, unsigned offset, unsigned size);
    void (*mmio_write)(Hostile *h, unsigned offset, uint64_t value,
                       unsigned size);
    uint32_t (*config_read)(Hostile *h, unsigned offset);
    void (*config_write)(Hostile *h, bool bridge, unsigned offset,
                         uint32_t value, unsigned size);
    void (*fault)(Hostile *h, const HostileFault *fault);
    void (*forget)(Hostile *h);
    /* Of the machine.  The BAR is back at its place afterwards. */
    void (*reset)(Hostile *h);
    uint64_t (*counter)(Hostile *h, const char *name);
    /* Compares RAM, where it is not named; and makes it what it was. */
    void (*check_ram)(Hostile *h);

    /* These may be NULL: only with the device in this process */
    void (*check)(Hostile *h);
    /* When nothing is open any more, before the reset */
    void (*settle)(Hostile *h);
    void (*map)(Hostile *h, uint64_t gpa, uint64_t len, bool write);
    void (*unmap)(Hostile *h);
    void (*read_all)(Hostile *h, bool begin);
    /* Somebody pins all of RAM, if that is possible.  Returns whether it is. */
    bool (*pin)(Hostile *h, bool begin);
    void (*violate)(Hostile *h, uint64_t gpa, uint8_t how);
    /* Saves the device and loads it, changed.  The model is told with sync. */
    void (*reload)(Hostile *h);
} HostileOps;

struct Hostile {
    const HostileOps *ops;
    void *opaque;
    const uint8_t *data;
    size_t size;

    /* The model.  Public for those who reload. */
    HostilePhase phase;
    uint32_t command;
    uint64_t payload;
    uint32_t nr_buffers;
    uint64_t buffers[HOSTILE_MAX_CONNECTIONS];
    bool visible;
    bool faulty;
    bool reading_all;
    bool pinned;
    /* Pages whose content may have changed by now */
    bool named[HOSTILE_PAGES];

    uint64_t nr_steps;
    uint64_t nr_requests;
};

/* One input, on a machine that has just been reset; and it is again. */
void hostile_play(Hostile *h, const uint8_t *data, size_t size);

/* For who has operations of his own: the next of the input; 0 at its end */
uint8_t hostile_u8(Hostile *h);
uint64_t hostile_bytes(Hostile *h, unsigned nr);
uint64_t hostile_address(Hostile *h);
uint64_t hostile_length(Hostile *h);

/* -model.c: names all pages that the range touches. */
void hostile_name(Hostile *h, uint64_t gpa, uint64_t len);
/* RAM, whatever the bridge says */
bool hostile_always_ram(uint64_t gpa, uint64_t len);
/* Forgets all buffers. */
void hostile_enter(Hostile *h, HostilePhase phase);
uint32_t hostile_status(Hostile *h);
void hostile_write_call(Hostile *h, uint64_t gpa,
                        struct pvmemcontrol_vmm_call call);
/* Has the model do what the device does, and looks at what that answers. */
void hostile_mmio_write(Hostile *h, unsigned offset, uint64_t value,
                        unsigned size);

/* What is in each byte of a page that nobody has named */
static inline uint8_t hostile_content(uint64_t page)
{
    return 1 + page % 255;
}

#endif /* TESTS_PVMEMCONTROL_TEST_HOSTILE_H */
