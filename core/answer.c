// SPDX-License-Identifier: GPL-2.0
/*
 * What the VMM's answers mean.  The VMM is not trusted to say anything
 * sensible, and this is the one place that reads what it says.
 */
#include <linux/errno.h>
#include <linux/log2.h>
#include <linux/minmax.h>
#include <linux/mm.h>

#include "core.h"

/*
 * The last errno that user space knows.  Above are the kernel's own, and one
 * of those (ERESTARTSYS, say) could make a system call do anything but fail.
 */
#define PVMC_LAST_ERRNO	EHWPOISON

/* A larger page than any architecture has would make every range unaligned. */
#define PVMC_MAX_HOST_PAGE	SZ_1G

/**
 * pvmc_answer_error() - Translate an answer to an errno.
 * @func: the request's function code
 * @ret: a copy of the answer, in the byte order of the machine
 *
 * Context: Any.
 * Return: 0 when the VMM did what it was asked; -EOPNOTSUPP when it does not
 * know the function; -EINVAL when it refused the request otherwise; the
 * negative errno of the host when the host could not do it; -EIO when the
 * answer makes no sense.
 */
int pvmc_answer_error(u32 func, const struct pvmemcontrol_vmm_ret *ret)
{
	if (!ret->ret_errno && !ret->ret_code)
		return 0;
	if (!ret->ret_errno || ret->ret_errno > PVMC_LAST_ERRNO)
		return -EIO;
	if (!ret->ret_code)
		return -(int)ret->ret_errno;
	if (ret->ret_code != func)
		return -EIO;
	return ret->ret_errno == EOPNOTSUPP ? -EOPNOTSUPP : -EINVAL;
}

/**
 * pvmc_answer_refused() - Whether the VMM does not have a range for RAM.
 * @func: the request's function code
 * @ret: a copy of the answer, in the byte order of the machine
 *
 * Of a part of the range it may say something else.
 *
 * Context: Any.
 * Return: Whether it says that it is not all in one region of RAM; the host has
 * not been asked then.
 */
bool pvmc_answer_refused(u32 func, const struct pvmemcontrol_vmm_ret *ret)
{
	return ret->ret_errno == EINVAL && ret->ret_code == func;
}

/**
 * pvmc_answer_info() - Read the answer to PVMEMCONTROL_INFO.
 * @ret: a copy of the answer, in the byte order of the machine
 * @info: set when 0 is returned
 *
 * Context: Any.
 * Return: 0; -EPROTO when the VMM speaks another major version or claims a
 * page size that cannot be; else as pvmc_answer_error().
 */
int pvmc_answer_info(const struct pvmemcontrol_vmm_ret *ret,
		     struct pvmemcontrol_info *info)
{
	int err = pvmc_answer_error(PVMEMCONTROL_INFO, ret);

	if (err)
		return err;
	if (ret->arg0 != PVMEMCONTROL_VERSION_MAJOR || ret->arg1 > U32_MAX)
		return -EPROTO;
	if (!is_power_of_2(ret->ret_value) || ret->ret_value < SZ_4K ||
	    ret->ret_value > PVMC_MAX_HOST_PAGE)
		return -EPROTO;

	/* A violation reads it at any time. */
	WRITE_ONCE(info->host_page_size, ret->ret_value);
	info->major = ret->arg0;
	info->minor = ret->arg1;
	return 0;
}

/**
 * pvmc_answer_features() - Read the answer to PVMEMCONTROL_FEATURES.
 * @ret: a copy of the answer, in the byte order of the machine
 * @info: what the VMM has beyond protocol 1.0 is set, to nothing where the
 *	answer says so or makes no sense
 *
 * Context: Any.
 */
void pvmc_answer_features(const struct pvmemcontrol_vmm_ret *ret,
			  struct pvmemcontrol_info *info)
{
	info->features = 0;
	info->zeroing = 0;
	info->vector_max = 1;
	if (pvmc_answer_error(PVMEMCONTROL_FEATURES, ret))
		return;

	info->features = ret->ret_value;
	info->zeroing = ret->arg1;
	/* What the VMM claims to take may be more than we have room for. */
	if (ret->ret_value & PVMEMCONTROL_FEATURE_VECTOR)
		info->vector_max = clamp_t(u64, ret->arg0, 1,
					   PVMC_VECTOR_ENTRIES);
}

/**
 * pvmc_answer_vector() - Read the answer to PVMEMCONTROL_VECTOR.
 * @ret: a copy of the answer, in the byte order of the machine
 * @nr: how many entries there were
 * @succeeded: set to how many the VMM says that it has dealt with; fewer than
 *	@nr where one failed, 0 where the answer makes no sense
 *
 * Context: Any.
 * Return: What became of the vector.
 */
enum pvmc_vector_result pvmc_answer_vector(const struct pvmemcontrol_vmm_ret *ret,
					   u32 nr, u32 *succeeded)
{
	*succeeded = 0;
	if (!ret->ret_errno && !ret->ret_code) {
		if (ret->ret_value != nr)
			return PVMC_VECTOR_UNKNOWN;
		*succeeded = nr;
		return PVMC_VECTOR_DONE;
	}
	if (!ret->ret_errno || ret->ret_errno > PVMC_LAST_ERRNO ||
	    ret->ret_value >= nr)
		return PVMC_VECTOR_UNKNOWN;
	if (ret->ret_code == PVMEMCONTROL_VECTOR)
		return ret->ret_value ? PVMC_VECTOR_UNKNOWN :
					PVMC_VECTOR_REFUSED;
	*succeeded = ret->ret_value;
	return PVMC_VECTOR_FAILED;
}
