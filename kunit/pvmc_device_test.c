// SPDX-License-Identifier: GPL-2.0
/*
 * Devices: coming, going, falling silent and being found again.
 */
#include <linux/delay.h>
#include <linux/io.h>
#include <linux/sizes.h>

#include "fake_vmm.h"

struct restore_client {
	struct pvmemcontrol_client client;
	int attached;
	int restored;
};

static int restore_attach(struct pvmemcontrol_client *client)
{
	container_of(client, struct restore_client, client)->attached++;
	return 0;
}

static void restore_restore(struct pvmemcontrol_client *client)
{
	container_of(client, struct restore_client, client)->restored++;
}

static const struct pvmemcontrol_client_ops restore_ops = {
	.attach = restore_attach,
	.restore = restore_restore,
};

struct device_fixture {
	struct fake_vmm *vmm;
	struct restore_client c;
};

static int device_init(struct kunit *test)
{
	struct device_fixture *f = kunit_kzalloc(test, sizeof(*f), GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, f);
	test->priv = f;
	f->vmm = fake_vmm_new(test);
	f->vmm->zeroes = false;
	f->c.client.name = "test";
	f->c.client.ops = &restore_ops;
	fake_client_add(test, &f->c.client);
	return 0;
}

static int device_call(struct device_fixture *f)
{
	return pvmemcontrol_dontneed(&f->c.client, SZ_1M, PAGE_SIZE);
}

/* Every step of the handshake fails once; then nothing is left behind. */
static void device_handshake_fails(struct kunit *test)
{
	struct device_fixture *f = test->priv;
	struct pvmc_device *dev;
	int step;

	for (step = 0;; step++) {
		f->vmm->handshake_fails = step;
		dev = pvmc_device_register(NULL, &fake_vmm_ops, f->vmm);
		if (!IS_ERR(dev))
			break;
		KUNIT_EXPECT_EQ(test, -EIO, PTR_ERR(dev));
		KUNIT_EXPECT_EQ(test, (int)FAKE_BROKEN, (int)f->vmm->state);
		KUNIT_EXPECT_EQ(test, -ENODEV, device_call(f));
	}
	/* Reset, all buffers, ready. */
	KUNIT_EXPECT_EQ(test, (int)(num_possible_cpus() * PVMC_LEVELS + 2),
			step);
	KUNIT_EXPECT_EQ(test, 1, f->c.attached);
	pvmc_device_unregister(dev);
}

/* The first INFO is faulted in every way. */
static void device_info_fails(struct kunit *test)
{
	static const struct {
		enum fake_fault fault;
		u32 err;
		int want;
	} cases[] = {
		{ FAKE_FAULT_SILENT, 0, -EIO },
		{ FAKE_FAULT_FORGET, 0, -EIO },
		{ FAKE_FAULT_ELSEWHERE, 0, -EIO },
		{ FAKE_FAULT_ERRNO, EPERM, -EPERM },
		/* All zero: as good as no answer to this one. */
		{ FAKE_FAULT_LIE, 0, -EIO },
		{ FAKE_FAULT_GONE, 0, -ENODEV },
	};
	struct device_fixture *f = test->priv;
	struct pvmc_device *dev;
	int i;

	for (i = 0; i < ARRAY_SIZE(cases); i++) {
		fake_vmm_fault(f->vmm, cases[i].fault, cases[i].err, 0, 1);
		dev = pvmc_device_register(NULL, &fake_vmm_ops, f->vmm);
		KUNIT_EXPECT_EQ_MSG(test, (long)cases[i].want, PTR_ERR(dev),
				    "%s", fake_fault_names[cases[i].fault]);
		if (!IS_ERR(dev))
			pvmc_device_unregister(dev);
	}
	f->vmm->present = true;

	f->vmm->major = 2;
	dev = pvmc_device_register(NULL, &fake_vmm_ops, f->vmm);
	KUNIT_EXPECT_EQ(test, (long)-EPROTO, PTR_ERR(dev));
	f->vmm->major = 1;
	f->vmm->page_size = SZ_4K + 1;
	dev = pvmc_device_register(NULL, &fake_vmm_ops, f->vmm);
	KUNIT_EXPECT_EQ(test, (long)-EPROTO, PTR_ERR(dev));
	KUNIT_EXPECT_EQ(test, 0, f->c.attached);
}

/* The VMM loses its state: one call fails, then all is as before. */
static void device_forgotten(struct kunit *test)
{
	struct device_fixture *f = test->priv;
	struct pvmc_device *dev = fake_vmm_plug(test, f->vmm);

	KUNIT_EXPECT_EQ(test, 0, device_call(f));
	fake_vmm_fault(f->vmm, FAKE_FAULT_FORGET, 0, 0, 1);
	KUNIT_EXPECT_EQ(test, -EIO, device_call(f));
	KUNIT_EXPECT_EQ(test, 1ULL,
			fake_client_sum(&dev->cpu->counters.no_answers));

	KUNIT_EXPECT_TRUE(test, fake_wait_recovered(dev, 1));
	KUNIT_EXPECT_EQ(test, 1, f->c.restored);
	KUNIT_EXPECT_EQ(test, 1, f->c.attached);
	KUNIT_EXPECT_EQ(test, 2, f->vmm->handshakes);
	KUNIT_EXPECT_EQ(test, 0, device_call(f));
}

/* No answer, from a context that cannot queue work. */
static void device_forgotten_irqs_off(struct kunit *test)
{
	struct device_fixture *f = test->priv;
	struct pvmc_device *dev = fake_vmm_plug(test, f->vmm);
	unsigned long flags;
	int err;

	fake_vmm_fault(f->vmm, FAKE_FAULT_FORGET, 0, 0, 1);
	local_irq_save(flags);
	err = device_call(f);
	local_irq_restore(flags);
	KUNIT_EXPECT_EQ(test, -EIO, err);
	KUNIT_EXPECT_TRUE(test, fake_wait_recovered(dev, 1));
	KUNIT_EXPECT_EQ(test, 0, device_call(f));
}

/* Recovery fails a few times before the VMM is there again. */
static void device_silent_for_long(struct kunit *test)
{
	struct device_fixture *f = test->priv;
	struct pvmc_device *dev = fake_vmm_plug(test, f->vmm);

	/* The call, then the INFO of three attempts. */
	fake_vmm_fault(f->vmm, FAKE_FAULT_SILENT, 0, 0, 4);
	KUNIT_EXPECT_EQ(test, -EIO, device_call(f));
	KUNIT_EXPECT_TRUE(test, fake_wait_recovered(dev, 1));
	KUNIT_EXPECT_EQ(test, 5, f->vmm->handshakes);
	KUNIT_EXPECT_EQ(test, 1, f->c.restored);
	KUNIT_EXPECT_EQ(test, 0, device_call(f));
}

/* While the VMM is silent, no exit is spent on it, and it can be unplugged. */
static void device_silent_unplug(struct kunit *test)
{
	struct device_fixture *f = test->priv;
	struct pvmc_device *dev = fake_vmm_plug(test, f->vmm);
	unsigned int requests;
	int tries;

	fake_vmm_fault(f->vmm, FAKE_FAULT_SILENT, 0, 0, -1);
	KUNIT_EXPECT_EQ(test, -EIO, device_call(f));
	for (tries = 0; tries < 1000 && READ_ONCE(dev->state) == PVMC_UP; tries++)
		schedule_timeout_uninterruptible(1);
	KUNIT_EXPECT_EQ(test, (int)PVMC_DOWN, (int)READ_ONCE(dev->state));

	requests = f->vmm->requests;
	KUNIT_EXPECT_EQ(test, -EIO, device_call(f));
	KUNIT_EXPECT_EQ(test, requests, f->vmm->requests);
	fake_vmm_unplug(test, dev);
	KUNIT_EXPECT_EQ(test, -ENODEV, device_call(f));
}

/* Torn out of its slot: calls fail before the driver has been told. */
static void device_gone(struct kunit *test)
{
	struct device_fixture *f = test->priv;
	struct pvmc_device *dev = fake_vmm_plug(test, f->vmm);

	f->vmm->present = false;
	KUNIT_EXPECT_EQ(test, -ENODEV, device_call(f));
	fake_vmm_unplug(test, dev);
	KUNIT_EXPECT_EQ(test, -ENODEV, device_call(f));
	KUNIT_EXPECT_EQ(test, 0, f->c.restored);
}

/* Away for a while, and nobody has told the driver: found again by itself. */
static void device_away(struct kunit *test)
{
	struct device_fixture *f = test->priv;
	struct pvmc_device *dev = fake_vmm_plug(test, f->vmm);
	unsigned long flags;

	local_irq_save(flags);
	f->vmm->present = false;
	KUNIT_EXPECT_EQ(test, -ENODEV, device_call(f));
	KUNIT_EXPECT_EQ(test, -EIO, device_call(f));
	local_irq_restore(flags);
	KUNIT_EXPECT_EQ(test, 1U, f->vmm->ignored);
	msleep(20);
	f->vmm->present = true;
	KUNIT_EXPECT_TRUE(test, fake_wait_recovered(dev, 1));
	KUNIT_EXPECT_EQ(test, 0, device_call(f));
}

/* The page size may be another after a recovery. */
static void device_moves_host(struct kunit *test)
{
	struct device_fixture *f = test->priv;
	struct pvmc_device *dev = fake_vmm_plug(test, f->vmm);
	struct pvmemcontrol_info info;

	fake_vmm_fault(f->vmm, FAKE_FAULT_FORGET, 0, 0, 1);
	f->vmm->page_size = SZ_64K;
	KUNIT_EXPECT_EQ(test, -EIO, device_call(f));
	KUNIT_EXPECT_TRUE(test, fake_wait_recovered(dev, 1));
	KUNIT_EXPECT_EQ(test, 0, pvmemcontrol_get_info(&info));
	KUNIT_EXPECT_EQ(test, (u64)SZ_64K, info.host_page_size);
	KUNIT_EXPECT_EQ(test, -EINVAL, device_call(f));
}

/* The oldest serves kernel code; the next takes over. */
static void device_two(struct kunit *test)
{
	struct device_fixture *f = test->priv;
	struct fake_vmm *second = fake_vmm_new(test);
	struct pvmc_device *dev = fake_vmm_plug(test, f->vmm);
	struct pvmc_device *dev2;

	second->zeroes = false;
	dev2 = fake_vmm_plug(test, second);
	KUNIT_EXPECT_NE(test, dev->dev.devt, dev2->dev.devt);
	KUNIT_EXPECT_EQ(test, 0, device_call(f));
	KUNIT_EXPECT_EQ(test, 1U, f->vmm->requests);
	KUNIT_EXPECT_EQ(test, 0U, second->requests);
	KUNIT_EXPECT_EQ(test, 1, f->c.attached);

	fake_vmm_unplug(test, dev);
	KUNIT_EXPECT_EQ(test, 2, f->c.attached);
	KUNIT_EXPECT_EQ(test, 0, device_call(f));
	KUNIT_EXPECT_EQ(test, 1U, second->requests);
	fake_vmm_unplug(test, dev2);
	KUNIT_EXPECT_EQ(test, -ENODEV, device_call(f));
}

/* The only device left does not work: it is not used until it does. */
static void device_spare_down(struct kunit *test)
{
	struct device_fixture *f = test->priv;
	struct fake_vmm *second = fake_vmm_new(test);
	struct pvmc_device *dev = fake_vmm_plug(test, f->vmm);
	struct pvmc_device *spare;

	second->zeroes = false;
	spare = fake_vmm_plug(test, second);
	pvmc_device_suspend(spare);
	fake_vmm_unplug(test, dev);
	KUNIT_EXPECT_EQ(test, -ENODEV, device_call(f));
	KUNIT_EXPECT_EQ(test, 1, f->c.attached);
	KUNIT_EXPECT_EQ(test, 0, pvmc_device_resume(spare));
	KUNIT_EXPECT_EQ(test, 2, f->c.attached);
	KUNIT_EXPECT_EQ(test, 0, f->c.restored);
	KUNIT_EXPECT_EQ(test, 0, device_call(f));
}

/* The VMM answers when nobody waits any more: that is nobody's answer. */
static void device_late_answer(struct kunit *test)
{
	struct device_fixture *f = test->priv;
	struct pvmc_device *dev = fake_vmm_plug(test, f->vmm);
	struct pvmc_wire *late = phys_to_virt(f->vmm->buffers[0]);
	unsigned int requests;
	unsigned long flags;
	int err;

	fake_vmm_fault(f->vmm, FAKE_FAULT_SILENT, 0, 0, 1);
	/* Nothing can be recovered in between. */
	local_irq_save(flags);
	err = device_call(f);
	requests = f->vmm->requests;
	memset(late, 0, sizeof(*late));
	KUNIT_EXPECT_EQ(test, -EIO, device_call(f));
	local_irq_restore(flags);
	KUNIT_EXPECT_EQ(test, -EIO, err);
	KUNIT_EXPECT_EQ(test, requests, f->vmm->requests);
	KUNIT_EXPECT_TRUE(test, fake_wait_recovered(dev, 1));
	KUNIT_EXPECT_EQ(test, 0, device_call(f));
}

/* A recovery that was due is not done after a resume that does as much. */
static void device_suspend_when_due(struct kunit *test)
{
	struct device_fixture *f = test->priv;
	struct pvmc_device *dev = fake_vmm_plug(test, f->vmm);
	unsigned long flags;

	local_irq_save(flags);
	fake_vmm_fault(f->vmm, FAKE_FAULT_FORGET, 0, 0, 1);
	device_call(f);
	local_irq_restore(flags);
	pvmc_device_suspend(dev);
	KUNIT_EXPECT_EQ(test, 0, pvmc_device_resume(dev));
	msleep(100);
	KUNIT_EXPECT_LE(test, f->c.restored, 2);
	KUNIT_EXPECT_EQ(test, (unsigned long)f->c.restored - 1, dev->recoveries);
	KUNIT_EXPECT_EQ(test, 0, device_call(f));
}

/* Nor is one that is up, whoever has asked for it. */
static void device_up_not_recovered(struct kunit *test)
{
	struct device_fixture *f = test->priv;
	struct pvmc_device *dev = fake_vmm_plug(test, f->vmm);

	queue_delayed_work(system_long_wq, &dev->recover, 0);
	flush_delayed_work(&dev->recover);
	KUNIT_EXPECT_EQ(test, 1, f->vmm->handshakes);
	KUNIT_EXPECT_EQ(test, 0, f->c.restored);
	KUNIT_EXPECT_EQ(test, 0UL, dev->recoveries);

	queue_delayed_work(system_long_wq, &dev->recover, HZ);
	KUNIT_EXPECT_EQ(test, 0, pvmc_device_resume(dev));
	KUNIT_EXPECT_FALSE(test, delayed_work_pending(&dev->recover));
	KUNIT_EXPECT_EQ(test, 2, f->vmm->handshakes);
	KUNIT_EXPECT_EQ(test, 0, device_call(f));
}

/* What happens to a device that kernel code does not use is not its affair. */
static void device_spare_recovers(struct kunit *test)
{
	struct device_fixture *f = test->priv;
	struct fake_vmm *second = fake_vmm_new(test);
	struct pvmc_device *spare;
	struct pvmemcontrol_buf buf = {
		.call = { PVMEMCONTROL_DONTNEED, SZ_1M, PAGE_SIZE, 0 },
	};

	fake_vmm_plug(test, f->vmm);
	second->zeroes = false;
	spare = fake_vmm_plug(test, second);
	fake_vmm_fault(second, FAKE_FAULT_FORGET, 0, 0, 1);
	KUNIT_EXPECT_EQ(test, -EIO,
			pvmc_call_device(spare, &pvmc_ioctl_client, &buf));
	KUNIT_EXPECT_TRUE(test, fake_wait_recovered(spare, 1));
	KUNIT_EXPECT_EQ(test, 0, f->c.restored);
	KUNIT_EXPECT_EQ(test, 0,
			pvmc_call_device(spare, &pvmc_ioctl_client, &buf));
}

/* Resume finds a silent VMM: not an end, tried again in the background. */
static void device_resume_silent(struct kunit *test)
{
	struct device_fixture *f = test->priv;
	struct pvmc_device *dev = fake_vmm_plug(test, f->vmm);

	pvmc_device_suspend(dev);
	fake_vmm_fault(f->vmm, FAKE_FAULT_SILENT, 0, 0, 2);
	KUNIT_EXPECT_EQ(test, -EIO, pvmc_device_resume(dev));
	KUNIT_EXPECT_TRUE(test, fake_wait_recovered(dev, 1));
	KUNIT_EXPECT_EQ(test, 1, f->c.restored);
	KUNIT_EXPECT_EQ(test, 0, device_call(f));
}

static void device_suspended_unplug(struct kunit *test)
{
	struct device_fixture *f = test->priv;
	struct pvmc_device *dev = fake_vmm_plug(test, f->vmm);

	pvmc_device_suspend(dev);
	fake_vmm_unplug(test, dev);
	KUNIT_EXPECT_EQ(test, -ENODEV, device_call(f));
}

#ifdef CONFIG_FAULT_INJECTION
/* Each allocation of registering a device fails once, in turn. */
static void device_no_memory(struct kunit *test)
{
	struct device_fixture *f = test->priv;
	struct pvmc_device *dev;
	int nth, failed = 0;

	for (nth = 1; nth < 1000; nth++) {
		fail_nth_begin(test, nth);
		dev = pvmc_device_register(NULL, &fake_vmm_ops, f->vmm);
		if (!fail_nth_end())
			break;
		if (IS_ERR(dev)) {
			KUNIT_EXPECT_EQ(test, (long)-ENOMEM, PTR_ERR(dev));
			KUNIT_EXPECT_EQ(test, -ENODEV, device_call(f));
			failed++;
			continue;
		}
		/* It can do without, a uevent say, and works. */
		KUNIT_EXPECT_EQ(test, 0, device_call(f));
		pvmc_device_unregister(dev);
	}
	KUNIT_ASSERT_FALSE(test, IS_ERR(dev));
	KUNIT_EXPECT_EQ(test, 0, device_call(f));
	KUNIT_EXPECT_GT(test, failed, 3);
	KUNIT_EXPECT_LT(test, nth, 1000);
	pvmc_device_unregister(dev);
}
#endif

static struct kunit_case pvmc_device_cases[] = {
	KUNIT_CASE(device_handshake_fails),
	KUNIT_CASE(device_info_fails),
	KUNIT_CASE(device_forgotten),
	KUNIT_CASE(device_forgotten_irqs_off),
	KUNIT_CASE(device_silent_for_long),
	KUNIT_CASE(device_silent_unplug),
	KUNIT_CASE(device_gone),
	KUNIT_CASE(device_away),
	KUNIT_CASE(device_moves_host),
	KUNIT_CASE(device_two),
	KUNIT_CASE(device_spare_down),
	KUNIT_CASE(device_late_answer),
	KUNIT_CASE(device_suspend_when_due),
	KUNIT_CASE(device_up_not_recovered),
	KUNIT_CASE(device_spare_recovers),
	KUNIT_CASE(device_resume_silent),
	KUNIT_CASE(device_suspended_unplug),
#ifdef CONFIG_FAULT_INJECTION
	KUNIT_CASE(device_no_memory),
#endif
	{}
};

static struct kunit_suite pvmc_device_suite = {
	.name = "pvmc_device",
	.init = device_init,
	.test_cases = pvmc_device_cases,
};
kunit_test_suite(pvmc_device_suite);
