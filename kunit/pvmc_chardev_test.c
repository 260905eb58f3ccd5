// SPDX-License-Identifier: GPL-2.0
/*
 * /dev/pvmemcontrolN: who may open it, and what its requests become.  Copying
 * from and to user space is tested in a guest.
 */
#include <linux/cred.h>
#include <linux/fs.h>
#include <linux/sizes.h>

#include "fake_vmm.h"

struct chardev_fixture {
	struct fake_vmm *vmm;
	struct pvmc_device *dev;
	struct inode inode;
	struct file file;
};

static int chardev_init(struct kunit *test)
{
	struct chardev_fixture *f = kunit_kzalloc(test, sizeof(*f), GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, f);
	test->priv = f;
	f->vmm = fake_vmm_new(test);
	f->vmm->zeroes = false;
	f->dev = fake_vmm_plug(test, f->vmm);
	f->inode.i_cdev = &f->dev->cdev;
	return 0;
}

static int chardev_open(struct chardev_fixture *f)
{
	return f->dev->cdev.ops->open(&f->inode, &f->file);
}

static long chardev_ioctl(struct chardev_fixture *f, unsigned int cmd)
{
	return f->dev->cdev.ops->unlocked_ioctl(&f->file, cmd, 0);
}

static void chardev_opens(struct kunit *test)
{
	struct chardev_fixture *f = test->priv;

	KUNIT_EXPECT_EQ(test, 0, chardev_open(f));
	f->file.f_flags = O_EXCL;
	KUNIT_EXPECT_EQ(test, -EINVAL, chardev_open(f));
}

static void chardev_unprivileged(struct kunit *test)
{
	struct chardev_fixture *f = test->priv;
	struct cred *cred = prepare_creds();
	const struct cred *old;
	int err, excl;

	KUNIT_ASSERT_NOT_NULL(test, cred);
	cap_lower(cred->cap_effective, CAP_SYS_ADMIN);
	old = override_creds(cred);
	err = chardev_open(f);
	f->file.f_flags = O_EXCL;
	excl = chardev_open(f);
	revert_creds(old);
	put_cred(cred);
	KUNIT_EXPECT_EQ(test, -EPERM, err);
	KUNIT_EXPECT_EQ(test, -EPERM, excl);
}

static void chardev_unknown_ioctl(struct kunit *test)
{
	struct chardev_fixture *f = test->priv;
	static const unsigned int unknown[] = {
		0, ~0U,
		_IOWR(PVMEMCONTROL_IOCTL_TYPE, 0x01, struct pvmemcontrol_buf),
		_IOW(PVMEMCONTROL_IOCTL_TYPE, 0x00, struct pvmemcontrol_buf),
		_IOWR(PVMEMCONTROL_IOCTL_TYPE, 0x00, __u64),
		_IOWR(0xDB, 0x00, struct pvmemcontrol_buf),
	};
	int i;

	KUNIT_ASSERT_EQ(test, 0, chardev_open(f));
	for (i = 0; i < ARRAY_SIZE(unknown); i++)
		KUNIT_EXPECT_EQ(test, (long)-ENOTTY,
				chardev_ioctl(f, unknown[i]));
	KUNIT_EXPECT_EQ(test, 0U, f->vmm->requests);
}

static int chardev_request(struct chardev_fixture *f,
			   struct pvmemcontrol_buf *buf, u64 func, u64 addr,
			   u64 length, u64 arg)
{
	buf->call.func_code = func;
	buf->call.addr = addr;
	buf->call.length = length;
	buf->call.arg = arg;
	return pvmc_call_device(f->dev, &pvmc_ioctl_client, buf);
}

/* What the VMM answered is in the buffer, good or bad, as it is. */
static void chardev_answers(struct kunit *test)
{
	struct chardev_fixture *f = test->priv;
	struct pvmemcontrol_buf buf;

	KUNIT_EXPECT_EQ(test, 0,
			chardev_request(f, &buf, PVMEMCONTROL_INFO, 1, 2, 3));
	KUNIT_EXPECT_EQ(test, 0U, buf.ret.ret_errno);
	KUNIT_EXPECT_EQ(test, (u64)SZ_4K, buf.ret.ret_value);
	KUNIT_EXPECT_EQ(test, 1ULL, buf.ret.arg0);

	KUNIT_EXPECT_EQ(test, 0, chardev_request(f, &buf, PVMEMCONTROL_FREE,
						 SZ_1M, SZ_4K, 0));
	KUNIT_EXPECT_EQ(test, 0U, buf.ret.ret_errno | buf.ret.ret_code);

	fake_vmm_fault(f->vmm, FAKE_FAULT_ERRNO, 4000, 0, 1);
	KUNIT_EXPECT_EQ(test, 0, chardev_request(f, &buf, PVMEMCONTROL_FREE,
						 SZ_1M, SZ_4K, 0));
	KUNIT_EXPECT_EQ(test, 4000U, buf.ret.ret_errno);

	KUNIT_EXPECT_EQ(test, 0, chardev_request(f, &buf, 0x12345678, 1, 2, 3));
	KUNIT_EXPECT_EQ(test, (u32)EOPNOTSUPP, buf.ret.ret_errno);
	KUNIT_EXPECT_EQ(test, 0x12345678U, buf.ret.ret_code);
	/* Not known to us: told to the VMM as it was. */
	KUNIT_EXPECT_EQ(test, 1ULL, f->vmm->log[2].addr);
	KUNIT_EXPECT_EQ(test, 2ULL, f->vmm->log[2].length);
	KUNIT_EXPECT_EQ(test, 3ULL, f->vmm->log[2].arg);
}

/*
 * Refused as the VMM would, but not by it: what could not be told from the
 * answer, and what has the VMM write where user space says.
 */
static void chardev_not_for_user(struct kunit *test)
{
	static const u64 funcs[] = {
		PVMEMCONTROL_VECTOR, PVMEMCONTROL_VIOLATION,
		(u64)EOPNOTSUPP << 32 | EOPNOTSUPP, 1ULL << 32, ~0ULL,
	};
	struct chardev_fixture *f = test->priv;
	struct pvmemcontrol_buf buf;
	int i;

	for (i = 0; i < ARRAY_SIZE(funcs); i++) {
		KUNIT_EXPECT_EQ(test, 0,
				chardev_request(f, &buf, funcs[i], 0, 0, 0));
		KUNIT_EXPECT_EQ(test, (u32)EOPNOTSUPP, buf.ret.ret_errno);
		KUNIT_EXPECT_EQ(test, (u32)funcs[i], buf.ret.ret_code);
		KUNIT_EXPECT_EQ(test, 0ULL, buf.ret.ret_value | buf.ret.arg0 |
				buf.ret.arg1);
	}
	KUNIT_EXPECT_EQ(test, 0U, f->vmm->requests);
}

static void chardev_no_answer(struct kunit *test)
{
	struct chardev_fixture *f = test->priv;
	struct pvmemcontrol_buf buf;

	KUNIT_EXPECT_EQ(test, -EINVAL,
			chardev_request(f, &buf, PVMEMCONTROL_FREE, SZ_1M, 0,
					0));
	fake_vmm_fault(f->vmm, FAKE_FAULT_SILENT, 0, 0, 1);
	KUNIT_EXPECT_EQ(test, -EIO, chardev_request(f, &buf, PVMEMCONTROL_FREE,
						    SZ_1M, SZ_4K, 0));
	KUNIT_EXPECT_TRUE(test, fake_wait_recovered(f->dev, 1));
}

/* Several exits: the first answer that is not success ends it and is told. */
static void chardev_pieces(struct kunit *test)
{
	struct chardev_fixture *f = test->priv;
	struct pvmemcontrol_buf buf;

	fake_vmm_fault(f->vmm, FAKE_FAULT_REFUSE, EINVAL, 2, 1);
	KUNIT_EXPECT_EQ(test, 0, chardev_request(f, &buf, PVMEMCONTROL_FREE, 0,
						 SZ_1G, 0));
	KUNIT_EXPECT_EQ(test, (u32)EINVAL, buf.ret.ret_errno);
	KUNIT_EXPECT_EQ(test, (u32)PVMEMCONTROL_FREE, buf.ret.ret_code);
	KUNIT_EXPECT_EQ(test, 3U, f->vmm->requests);

	/* The second piece has no answer, though the first has. */
	fake_vmm_fault(f->vmm, FAKE_FAULT_SILENT, 0, 1, 1);
	KUNIT_EXPECT_EQ(test, -EIO, chardev_request(f, &buf, PVMEMCONTROL_FREE,
						    0, SZ_1G, 0));
	KUNIT_EXPECT_TRUE(test, fake_wait_recovered(f->dev, 1));
}

/* A file outlives its device. */
static void chardev_outlives(struct kunit *test)
{
	struct chardev_fixture *f = test->priv;
	struct pvmemcontrol_buf buf;
	struct device *d = get_device(&f->dev->dev);

	KUNIT_ASSERT_EQ(test, 0, chardev_open(f));
	fake_vmm_unplug(test, f->dev);
	KUNIT_EXPECT_EQ(test, -ENODEV,
			chardev_request(f, &buf, PVMEMCONTROL_INFO, 0, 0, 0));
	KUNIT_EXPECT_EQ(test, (long)-ENOTTY, chardev_ioctl(f, 0));
	put_device(d);
}

static struct kunit_case pvmc_chardev_cases[] = {
	KUNIT_CASE(chardev_opens),
	KUNIT_CASE(chardev_unprivileged),
	KUNIT_CASE(chardev_unknown_ioctl),
	KUNIT_CASE(chardev_answers),
	KUNIT_CASE(chardev_not_for_user),
	KUNIT_CASE(chardev_no_answer),
	KUNIT_CASE(chardev_pieces),
	KUNIT_CASE(chardev_outlives),
	{}
};

static struct kunit_suite pvmc_chardev_suite = {
	.name = "pvmc_chardev",
	.init = chardev_init,
	.test_cases = pvmc_chardev_cases,
};
kunit_test_suite(pvmc_chardev_suite);
