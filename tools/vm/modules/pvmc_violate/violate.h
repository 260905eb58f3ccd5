/* SPDX-License-Identifier: GPL-2.0 */
#ifndef PVMC_VIOLATE_H
#define PVMC_VIOLATE_H

#include <linux/mm.h>
#include <linux/pci.h>
#include <linux/seq_file.h>
#include <linux/types.h>

#include <uapi/linux/pvmemcontrol.h>
#include <uapi/linux/pvmemcontrol_pci.h>

/* A buffer for calls from a task, and one for those from the NMI handler */
enum { VIO_TASK, VIO_NMI, VIO_LEVELS };

/* What the NMI handler has seen last on a CPU, and how often it saw anything */
struct vio_seen {
	unsigned int nr;
	u64 addr;
	u32 access;
	u32 flags;
	unsigned long ip, cx, si, di;
	bool user;
	/* What was at vio_cpu.watch */
	u64 watched;
};

struct vio_cpu {
	struct pvmemcontrol_buf buffer[VIO_LEVELS] __aligned(32);
	u32 id[VIO_LEVELS];
	/* As records have it */
	u32 index;
	/* For the NMI handler: to look at, to read before it does anything */
	u64 *watch;
	u64 *touch;
	u64 touched;
	struct vio_seen seen;
};

/* An access, and where its instruction was and what it has read */
struct vio_spot {
	void *at;
	void *source;
	unsigned long length;
	unsigned long ip;
	u64 value;
};

struct vio_access {
	const char *name;
	void (*touch)(struct vio_spot *spot);
	/* Which of two pages is protected, and where the access begins */
	unsigned int page;
	unsigned int offset;
	/* Where it is stopped */
	unsigned int stop;
	u32 access;
	/* What is at the beginning of the access in the end, unless it reads */
	u64 result;
};

extern const struct vio_access vio_accesses[];
extern const unsigned int vio_nr_accesses;

#define VIO_CONTENT 0x5a5a5a5a5a5a5a5aULL

/* Each in a page of its own, the second begins before it. */
u64 vio_code(void);
u64 vio_code_across(void);

void vio_read(struct vio_spot *spot);
void vio_copy(struct vio_spot *spot);

extern struct vio_cpu *vio_cpus[];
extern struct pvmemcontrol_violation *vio_records;

int vio_connect(struct pci_dev *pdev, void __iomem *regs);
void vio_disconnect(void);
/* On this CPU, which must not change meanwhile.  Returns 0 or an errno. */
int vio_call(unsigned int level, u64 func, phys_addr_t addr, u64 length,
	     u64 arg, u64 *value);

static inline int vio_protect(u64 func, phys_addr_t page)
{
	return vio_call(VIO_TASK, func, page & PAGE_MASK, PAGE_SIZE, 0, NULL);
}

int vio_user_init(void);
void vio_user_exit(void);

#endif /* PVMC_VIOLATE_H */
