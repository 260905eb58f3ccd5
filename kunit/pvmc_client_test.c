// SPDX-License-Identifier: GPL-2.0
/*
 * Clients: who is told what, when.
 */
#include <linux/slab.h>

#include "fake_vmm.h"

struct test_client {
	struct pvmemcontrol_client client;
	int attach_error;
	int attached;
	int detached;
	int released;
	int forgot;
	int release_call;
	int restored;
	int forget_call;
	int detach_call;
	int restore_call;
};

static struct test_client *to_test_client(struct pvmemcontrol_client *client)
{
	return container_of(client, struct test_client, client);
}

static int test_attach(struct pvmemcontrol_client *client)
{
	struct test_client *c = to_test_client(client);

	c->attached++;
	return c->attach_error ?: pvmemcontrol_ping(client);
}

static void test_detach(struct pvmemcontrol_client *client)
{
	struct test_client *c = to_test_client(client);

	c->detached++;
	c->detach_call = pvmemcontrol_ping(client);
}

static void test_release(struct pvmemcontrol_client *client)
{
	struct test_client *c = to_test_client(client);

	/* Before it is told that nothing holds any more. */
	if (!c->forgot)
		c->released++;
	c->release_call = pvmemcontrol_ping(client);
}

static void test_forget(struct pvmemcontrol_client *client)
{
	struct test_client *c = to_test_client(client);

	c->forgot++;
	c->forget_call = pvmemcontrol_ping(client);
}

static void test_restore(struct pvmemcontrol_client *client)
{
	struct test_client *c = to_test_client(client);

	c->restored++;
	c->restore_call = pvmemcontrol_ping(client);
}

static const struct pvmemcontrol_client_ops test_ops = {
	.attach = test_attach,
	.detach = test_detach,
	.release = test_release,
	.forget = test_forget,
	.restore = test_restore,
};

static struct test_client *test_client_new(struct kunit *test, const char *name)
{
	struct test_client *c = kunit_kzalloc(test, sizeof(*c), GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, c);
	c->client.name = name;
	c->client.ops = &test_ops;
	return c;
}

static void client_after_device(struct kunit *test)
{
	struct test_client *c = test_client_new(test, "test");
	struct pvmc_device *dev = fake_vmm_plug(test, fake_vmm_new(test));

	fake_client_add(test, &c->client);
	KUNIT_EXPECT_EQ(test, 1, c->attached);
	fake_vmm_unplug(test, dev);
	KUNIT_EXPECT_EQ(test, 1, c->detached);
	KUNIT_EXPECT_EQ(test, 0, c->detach_call);
	KUNIT_EXPECT_EQ(test, -ENODEV, pvmemcontrol_ping(&c->client));
	KUNIT_EXPECT_EQ(test, 0, c->restored);
}

static void client_before_device(struct kunit *test)
{
	struct test_client *c = test_client_new(test, "test");
	struct pvmc_device *dev;
	struct pvmemcontrol_info info;

	fake_client_add(test, &c->client);
	KUNIT_EXPECT_EQ(test, 0, c->attached);
	KUNIT_EXPECT_EQ(test, -ENODEV, pvmemcontrol_ping(&c->client));
	KUNIT_EXPECT_EQ(test, -ENODEV, pvmemcontrol_get_info(&info));

	dev = fake_vmm_plug(test, fake_vmm_new(test));
	KUNIT_EXPECT_EQ(test, 1, c->attached);
	KUNIT_EXPECT_EQ(test, 0, pvmemcontrol_ping(&c->client));

	/* Leaves and comes back. */
	fake_vmm_unplug(test, dev);
	KUNIT_EXPECT_EQ(test, 1, c->detached);
	dev = fake_vmm_plug(test, fake_vmm_new(test));
	KUNIT_EXPECT_EQ(test, 2, c->attached);
	KUNIT_EXPECT_EQ(test, 0, pvmemcontrol_ping(&c->client));
	fake_client_del(test, &c->client);
	KUNIT_EXPECT_EQ(test, 2, c->detached);
	KUNIT_EXPECT_EQ(test, 0, c->detach_call);
}

static void client_without_callbacks(struct kunit *test)
{
	struct pvmemcontrol_client client = { .name = "test" };
	struct pvmc_device *dev = fake_vmm_plug(test, fake_vmm_new(test));

	fake_client_add(test, &client);
	KUNIT_EXPECT_EQ(test, 0, pvmemcontrol_ping(&client));
	pvmc_device_suspend(dev);
	KUNIT_EXPECT_EQ(test, 0, pvmc_device_resume(dev));
	fake_vmm_unplug(test, dev);
	fake_client_del(test, &client);
}

/* Who does not attach is not told of the rest, but may call. */
static void client_refuses(struct kunit *test)
{
	struct test_client *c = test_client_new(test, "test");
	struct pvmc_device *dev = fake_vmm_plug(test, fake_vmm_new(test));

	c->attach_error = -EOPNOTSUPP;
	fake_client_add(test, &c->client);
	KUNIT_EXPECT_EQ(test, 1, c->attached);
	KUNIT_EXPECT_EQ(test, 0, pvmemcontrol_ping(&c->client));
	pvmc_device_suspend(dev);
	KUNIT_EXPECT_EQ(test, 0, pvmc_device_resume(dev));
	fake_vmm_unplug(test, dev);
	KUNIT_EXPECT_EQ(test, 0, c->restored);
	KUNIT_EXPECT_EQ(test, 0, c->forgot);
	KUNIT_EXPECT_EQ(test, 0, c->detached);

	/* The next device is another chance. */
	c->attach_error = 0;
	dev = fake_vmm_plug(test, fake_vmm_new(test));
	KUNIT_EXPECT_EQ(test, 2, c->attached);
	fake_vmm_unplug(test, dev);
	KUNIT_EXPECT_EQ(test, 1, c->detached);
}

/* Registered while calls do not reach the VMM: attached when they do. */
static void client_while_down(struct kunit *test)
{
	struct test_client *c = test_client_new(test, "test");
	struct pvmc_device *dev = fake_vmm_plug(test, fake_vmm_new(test));

	pvmc_device_suspend(dev);
	fake_client_add(test, &c->client);
	KUNIT_EXPECT_EQ(test, 0, c->attached);
	KUNIT_EXPECT_EQ(test, 0, pvmc_device_resume(dev));
	KUNIT_EXPECT_EQ(test, 1, c->attached);
	KUNIT_EXPECT_EQ(test, 0, c->restored);

	pvmc_device_suspend(dev);
	KUNIT_EXPECT_EQ(test, 1, c->forgot);
	KUNIT_EXPECT_EQ(test, 0, pvmc_device_resume(dev));
	KUNIT_EXPECT_EQ(test, 1, c->attached);
	KUNIT_EXPECT_EQ(test, 1, c->restored);
	fake_vmm_unplug(test, dev);
	KUNIT_EXPECT_EQ(test, 1, c->detached);
}

/* The VMM falls silent while one attaches: tried again, and the next waits. */
static void client_attach_silent(struct kunit *test)
{
	static const enum fake_fault faults[] = {
		FAKE_FAULT_SILENT, FAKE_FAULT_FORGET, FAKE_FAULT_ELSEWHERE,
	};
	struct test_client *first = test_client_new(test, "first");
	struct test_client *next = test_client_new(test, "next");
	struct pvmc_device *dev;
	struct fake_vmm *vmm;
	int i, n;

	fake_client_add(test, &first->client);
	fake_client_add(test, &next->client);
	for (i = 0; i < ARRAY_SIZE(faults); i++) {
		n = first->attached;
		vmm = fake_vmm_new(test);
		/* INFO and FEATURES come first. */
		fake_vmm_fault(vmm, faults[i], 0, 2, 1);
		dev = fake_vmm_plug(test, vmm);
		KUNIT_EXPECT_TRUE(test, fake_wait_recovered(dev, 1));
		KUNIT_EXPECT_EQ(test, n + 2, first->attached);
		KUNIT_EXPECT_EQ(test, i + 1, next->attached);
		KUNIT_EXPECT_EQ(test, 0, first->forgot);
		KUNIT_EXPECT_EQ(test, 0, first->restored);
		KUNIT_EXPECT_EQ(test, 0, next->restored);
		fake_vmm_unplug(test, dev);
		KUNIT_EXPECT_EQ(test, i + 1, first->detached);
		KUNIT_EXPECT_EQ(test, i + 1, next->detached);
	}
}

static void client_names(struct kunit *test)
{
	static const char *const bad[] = { NULL, "", ".", "..", "a/b", "/" };
	struct test_client *c = test_client_new(test, "test");
	struct test_client *twin = test_client_new(test, "test");
	int i;

	fake_client_add(test, &c->client);
	KUNIT_EXPECT_EQ(test, -EEXIST,
			pvmemcontrol_register_client(&twin->client));
	for (i = 0; i < ARRAY_SIZE(bad); i++) {
		twin->client.name = bad[i];
		KUNIT_EXPECT_EQ(test, -EINVAL,
				pvmemcontrol_register_client(&twin->client));
	}
	/* The name is free again when its owner has gone. */
	fake_client_del(test, &c->client);
	twin->client.name = "test";
	fake_client_add(test, &twin->client);
}

static void client_counters_apart(struct kunit *test)
{
	struct test_client *a = test_client_new(test, "a");
	struct test_client *b = test_client_new(test, "b");
	int i;

	fake_vmm_plug(test, fake_vmm_new(test));
	fake_client_add(test, &a->client);
	fake_client_add(test, &b->client);
	for (i = 0; i < 5; i++)
		KUNIT_EXPECT_EQ(test, 0, pvmemcontrol_ping(&a->client));
	/* One more each from attach. */
	KUNIT_EXPECT_EQ(test, 6ULL,
			fake_client_sum(&a->client.counters->calls));
	KUNIT_EXPECT_EQ(test, 6ULL,
			fake_client_sum(&a->client.counters->exits));
	KUNIT_EXPECT_EQ(test, 0ULL,
			fake_client_sum(&a->client.counters->ranges));
	KUNIT_EXPECT_EQ(test, 1ULL,
			fake_client_sum(&b->client.counters->calls));
}

static void client_suspend(struct kunit *test)
{
	struct test_client *c = test_client_new(test, "test");
	struct fake_vmm *vmm = fake_vmm_new(test);
	struct pvmc_device *dev = fake_vmm_plug(test, vmm);
	struct pvmemcontrol_info info;

	fake_client_add(test, &c->client);
	pvmc_device_suspend(dev);
	KUNIT_EXPECT_EQ(test, 1, c->forgot);
	KUNIT_EXPECT_EQ(test, 1, c->released);
	KUNIT_EXPECT_EQ(test, 0, c->release_call);
	KUNIT_EXPECT_EQ(test, -EIO, c->forget_call);
	KUNIT_EXPECT_EQ(test, 0, c->restored);
	KUNIT_EXPECT_EQ(test, -EIO, pvmemcontrol_ping(&c->client));
	KUNIT_EXPECT_EQ(test, -EIO, pvmemcontrol_get_info(&info));
	KUNIT_EXPECT_EQ(test, 0U, vmm->ignored);

	KUNIT_EXPECT_EQ(test, 0, pvmc_device_resume(dev));
	KUNIT_EXPECT_EQ(test, 1, c->restored);
	KUNIT_EXPECT_EQ(test, 0, c->restore_call);
	KUNIT_EXPECT_EQ(test, 0, pvmemcontrol_ping(&c->client));
	KUNIT_EXPECT_EQ(test, 0, c->detached);
}

/* The VMM was silent for once: before another kernel comes it is asked again. */
static void client_shutdown_down(struct kunit *test)
{
	struct test_client *c = test_client_new(test, "test");
	struct fake_vmm *vmm = fake_vmm_new(test);
	struct pvmc_device *dev = fake_vmm_plug(test, vmm);
	unsigned long flags;

	fake_client_add(test, &c->client);
	local_irq_save(flags);
	fake_vmm_fault(vmm, FAKE_FAULT_FORGET, 0, 0, 1);
	KUNIT_EXPECT_EQ(test, -EIO, pvmemcontrol_ping(&c->client));
	local_irq_restore(flags);
	pvmc_device_shutdown(dev);
	KUNIT_EXPECT_EQ(test, 0, c->release_call);
	KUNIT_EXPECT_EQ(test, -EIO, pvmemcontrol_ping(&c->client));
	KUNIT_EXPECT_EQ(test, (int)FAKE_BROKEN, (int)vmm->state);
	KUNIT_EXPECT_EQ(test, 2, vmm->handshakes);

	/* Out of what is no sleep any more, too. */
	KUNIT_EXPECT_EQ(test, 0, pvmc_device_freeze(dev));
	KUNIT_EXPECT_EQ(test, 0, c->release_call);
	KUNIT_EXPECT_EQ(test, 3, vmm->handshakes);
	KUNIT_EXPECT_EQ(test, 0, pvmc_device_resume(dev));
	KUNIT_EXPECT_EQ(test, 0, pvmemcontrol_ping(&c->client));
}

/* And if it is silent for ever, that has an end. */
static void client_shutdown_silent(struct kunit *test)
{
	struct test_client *c = test_client_new(test, "test");
	struct fake_vmm *vmm = fake_vmm_new(test);
	struct pvmc_device *dev = fake_vmm_plug(test, vmm);

	fake_client_add(test, &c->client);
	fake_vmm_fault(vmm, FAKE_FAULT_SILENT, 0, 0, -1);
	KUNIT_EXPECT_EQ(test, -EIO, pvmemcontrol_ping(&c->client));
	pvmc_device_shutdown(dev);
	KUNIT_EXPECT_EQ(test, -EIO, c->release_call);
	KUNIT_EXPECT_FALSE(test, delayed_work_pending(&dev->recover));
	vmm->present = false;
	pvmc_device_shutdown(dev);
	KUNIT_EXPECT_EQ(test, (int)PVMC_SUSPENDED, (int)READ_ONCE(dev->state));
}

#ifdef CONFIG_FAULT_INJECTION
/* Each allocation of registering fails once, in turn. */
static void client_no_memory(struct kunit *test)
{
	struct test_client *c = test_client_new(test, "test");
	int nth, err;

	for (nth = 1; nth < 1000; nth++) {
		fail_nth_begin(test, nth);
		err = pvmemcontrol_register_client(&c->client);
		if (!fail_nth_end())
			break;
		if (!err) {
			/* Something else got by without its memory. */
			pvmemcontrol_unregister_client(&c->client);
			continue;
		}
		KUNIT_EXPECT_EQ(test, -ENOMEM, err);
	}
	KUNIT_EXPECT_EQ(test, 0, err);
	KUNIT_EXPECT_GT(test, nth, 2);
	KUNIT_EXPECT_LT(test, nth, 1000);
	pvmemcontrol_unregister_client(&c->client);
}
#endif

static struct kunit_case pvmc_client_cases[] = {
	KUNIT_CASE(client_after_device),
	KUNIT_CASE(client_before_device),
	KUNIT_CASE(client_without_callbacks),
	KUNIT_CASE(client_refuses),
	KUNIT_CASE(client_while_down),
	KUNIT_CASE(client_attach_silent),
	KUNIT_CASE(client_names),
	KUNIT_CASE(client_counters_apart),
	KUNIT_CASE(client_suspend),
	KUNIT_CASE(client_shutdown_down),
	KUNIT_CASE(client_shutdown_silent),
#ifdef CONFIG_FAULT_INJECTION
	KUNIT_CASE(client_no_memory),
#endif
	{}
};

static struct kunit_suite pvmc_client_suite = {
	.name = "pvmc_client",
	.test_cases = pvmc_client_cases,
};
kunit_test_suite(pvmc_client_suite);
