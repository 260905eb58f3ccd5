// SPDX-License-Identifier: GPL-2.0
/*
 * What answers mean, sensible ones and others.
 */
#include <kunit/test.h>
#include <linux/sizes.h>

#include "core.h"

struct answer_case {
	const char *name;
	u32 ret_errno;
	u32 ret_code;
	int err;
};

static const struct answer_case answer_cases[] = {
	{ "success", 0, 0, 0 },
	{ "host EINVAL", EINVAL, 0, -EINVAL },
	{ "host ENOMEM", ENOMEM, 0, -ENOMEM },
	{ "host EPERM, which is also the function's number", EPERM, 0, -EPERM },
	{ "the last errno", EHWPOISON, 0, -EHWPOISON },
	{ "past the last errno", EHWPOISON + 1, 0, -EIO },
	{ "an errno of the kernel's own", 512, 0, -EIO },
	{ "an errno that would be an ERR_PTR", 4095, 0, -EIO },
	{ "an errno that is negative", -5, 0, -EIO },
	{ "an errno that is INT_MIN", 0x80000000, 0, -EIO },
	{ "unknown function", EOPNOTSUPP, PVMEMCONTROL_DONTNEED, -EOPNOTSUPP },
	{ "refused range", EINVAL, PVMEMCONTROL_DONTNEED, -EINVAL },
	{ "refused for another reason", EBUSY, PVMEMCONTROL_DONTNEED, -EINVAL },
	{ "refused with success", 0, PVMEMCONTROL_DONTNEED, -EIO },
	{ "refused another function", EINVAL, PVMEMCONTROL_FREE, -EIO },
	{ "refused with garbage", 0xdeadbeef, PVMEMCONTROL_DONTNEED, -EIO },
};

static void answer_case_name(const struct answer_case *c, char *desc)
{
	strscpy(desc, c->name, KUNIT_PARAM_DESC_SIZE);
}
KUNIT_ARRAY_PARAM(answer, answer_cases, answer_case_name);

static void answer_error(struct kunit *test)
{
	const struct answer_case *c = test->param_value;
	const struct pvmemcontrol_vmm_ret ret = {
		.ret_errno = c->ret_errno,
		.ret_code = c->ret_code,
		/* Nothing of this says whether it worked. */
		.ret_value = 1,
		.arg0 = 2,
		.arg1 = 3,
	};

	KUNIT_EXPECT_EQ(test, c->err,
			pvmc_answer_error(PVMEMCONTROL_DONTNEED, &ret));
}

struct info_case {
	const char *name;
	struct pvmemcontrol_vmm_ret ret;
	int err;
};

static const struct info_case info_cases[] = {
	{ "4K pages", { .ret_value = SZ_4K, .arg0 = 1 }, 0 },
	{ "64K pages", { .ret_value = SZ_64K, .arg0 = 1 }, 0 },
	{ "1.1", { .ret_value = SZ_4K, .arg0 = 1, .arg1 = 1 }, 0 },
	{ "1.max", { .ret_value = SZ_4K, .arg0 = 1, .arg1 = U32_MAX }, 0 },
	{ "1.huge", { .ret_value = SZ_4K, .arg0 = 1, .arg1 = 1ULL << 32 },
	  -EPROTO },
	{ "2.0", { .ret_value = SZ_4K, .arg0 = 2 }, -EPROTO },
	{ "0.1", { .ret_value = SZ_4K, .arg1 = 1 }, -EPROTO },
	{ "1.0 beyond 32 bits", { .ret_value = SZ_4K, .arg0 = BIT_ULL(32) | 1 },
	  -EPROTO },
	{ "no page size", { .arg0 = 1 }, -EPROTO },
	{ "small pages", { .ret_value = 2048, .arg0 = 1 }, -EPROTO },
	{ "odd pages", { .ret_value = SZ_4K + 1, .arg0 = 1 }, -EPROTO },
	{ "huge pages", { .ret_value = BIT_ULL(63), .arg0 = 1 }, -EPROTO },
	{ "EIO", { .ret_errno = EIO, .ret_value = SZ_4K, .arg0 = 1 }, -EIO },
	{ "garbage", { 0xa5a5a5a5, 0xa5a5a5a5, ~0ULL, ~0ULL, ~0ULL }, -EIO },
};

static void info_case_name(const struct info_case *c, char *desc)
{
	strscpy(desc, c->name, KUNIT_PARAM_DESC_SIZE);
}
KUNIT_ARRAY_PARAM(info, info_cases, info_case_name);

static void answer_info(struct kunit *test)
{
	const struct info_case *c = test->param_value;
	struct pvmemcontrol_info info = { .host_page_size = 7, .major = 7 };

	KUNIT_EXPECT_EQ(test, c->err, pvmc_answer_info(&c->ret, &info));
	if (c->err) {
		KUNIT_EXPECT_EQ(test, 7ULL, info.host_page_size);
		KUNIT_EXPECT_EQ(test, 7U, info.major);
	} else {
		KUNIT_EXPECT_EQ(test, c->ret.ret_value, info.host_page_size);
		KUNIT_EXPECT_EQ(test, 1U, info.major);
		KUNIT_EXPECT_EQ(test, c->ret.arg1, (u64)info.minor);
	}
}

struct vector_case {
	const char *name;
	struct pvmemcontrol_vmm_ret ret;
	enum pvmc_vector_result want;
	u32 succeeded;
};

/* Of a vector with ten entries. */
static const struct vector_case vector_cases[] = {
	{ "all", { 0, 0, 10 }, PVMC_VECTOR_DONE, 10 },
	{ "too few", { 0, 0, 9 }, PVMC_VECTOR_UNKNOWN, 0 },
	{ "too many", { 0, 0, 11 }, PVMC_VECTOR_UNKNOWN, 0 },
	{ "code without errno", { 0, 1, 3 }, PVMC_VECTOR_UNKNOWN, 0 },
	{ "first", { ENOMEM, 0, 0 }, PVMC_VECTOR_FAILED, 0 },
	{ "last", { ENOMEM, 0, 9 }, PVMC_VECTOR_FAILED, 9 },
	{ "failed beyond", { ENOMEM, 0, 10 }, PVMC_VECTOR_UNKNOWN, 0 },
	{ "failed far beyond", { ENOMEM, 0, U64_MAX }, PVMC_VECTOR_UNKNOWN, 0 },
	{ "entry refused", { EINVAL, 9, 4 }, PVMC_VECTOR_FAILED, 4 },
	{ "no errno", { EHWPOISON + 1, 0, 4 }, PVMC_VECTOR_UNKNOWN, 0 },
	{ "refused", { EINVAL, PVMEMCONTROL_VECTOR, 0 }, PVMC_VECTOR_REFUSED,
	  0 },
	{ "unknown", { EOPNOTSUPP, PVMEMCONTROL_VECTOR, 0 },
	  PVMC_VECTOR_REFUSED, 0 },
	{ "refused after some", { EINVAL, PVMEMCONTROL_VECTOR, 2 },
	  PVMC_VECTOR_UNKNOWN, 0 },
};

static void vector_case_name(const struct vector_case *c, char *desc)
{
	strscpy(desc, c->name, KUNIT_PARAM_DESC_SIZE);
}
KUNIT_ARRAY_PARAM(vector, vector_cases, vector_case_name);

static void answer_vector(struct kunit *test)
{
	const struct vector_case *c = test->param_value;
	u32 succeeded = 77;

	KUNIT_EXPECT_EQ(test, (int)c->want,
			(int)pvmc_answer_vector(&c->ret, 10, &succeeded));
	KUNIT_EXPECT_EQ(test, c->succeeded, succeeded);
}

static struct kunit_case pvmc_answer_cases[] = {
	KUNIT_CASE_PARAM(answer_error, answer_gen_params),
	KUNIT_CASE_PARAM(answer_info, info_gen_params),
	KUNIT_CASE_PARAM(answer_vector, vector_gen_params),
	{}
};

static struct kunit_suite pvmc_answer_suite = {
	.name = "pvmc_answer",
	.test_cases = pvmc_answer_cases,
};
kunit_test_suite(pvmc_answer_suite);
