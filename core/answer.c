// SPDX-License-Identifier: GPL-2.0
/*
 * What the VMM's answers mean.  The VMM is not trusted to say anything
 * sensible, and this is the one place that reads what it says.
 */
#include <linux/errno.h>
#include <linux/log2.h>
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
 * pvmc_answer_info() - Read the answer to PVMEMCONTROL_INFO.
 * @ret: a copy of the answer, in the byte order of the machine
 * @info: set when 0 is returned
 *
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

	info->host_page_size = ret->ret_value;
	info->major = ret->arg0;
	info->minor = ret->arg1;
	return 0;
}
