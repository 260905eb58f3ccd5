// SPDX-License-Identifier: GPL-2.0
/*
 * A VMM that misbehaves on demand, in place of a transport.  Its memory is the
 * guest's own, in the direct map.
 */
#include <linux/delay.h>
#include <linux/io.h>
#include <linux/random.h>
#include <linux/sizes.h>
#include <linux/string.h>

#include "fake_vmm.h"

const char *const fake_fault_names[NR_FAKE_FAULTS] = {
	[FAKE_FAULT_NONE] = "none",
	[FAKE_FAULT_SILENT] = "silent",
	[FAKE_FAULT_ERRNO] = "errno",
	[FAKE_FAULT_REFUSE] = "refuse",
	[FAKE_FAULT_LIE] = "lie",
	[FAKE_FAULT_GARBAGE] = "garbage",
	[FAKE_FAULT_ELSEWHERE] = "elsewhere",
	[FAKE_FAULT_FORGET] = "forget",
	[FAKE_FAULT_GONE] = "gone",
};

static bool fake_step_fails(struct fake_vmm *vmm)
{
	return !vmm->present || vmm->handshake_step++ == vmm->handshake_fails;
}

static int fake_reset(void *transport)
{
	struct fake_vmm *vmm = transport;

	vmm->handshake_step = 0;
	if (fake_step_fails(vmm))
		return -EIO;
	vmm->nr_buffers = 0;
	vmm->state = FAKE_INIT;
	return 0;
}

static int fake_register_buffer(void *transport, phys_addr_t buf, u32 *id)
{
	struct fake_vmm *vmm = transport;

	if (fake_step_fails(vmm) || vmm->state != FAKE_INIT ||
	    vmm->nr_buffers == FAKE_BUFFERS) {
		vmm->state = FAKE_BROKEN;
		return -EIO;
	}
	*id = PVMEMCONTROL_CONNECTION_ID + vmm->nr_buffers;
	vmm->buffers[vmm->nr_buffers++] = buf;
	return 0;
}

static int fake_ready(void *transport)
{
	struct fake_vmm *vmm = transport;

	if (fake_step_fails(vmm) || vmm->state != FAKE_INIT) {
		vmm->state = FAKE_BROKEN;
		return -EIO;
	}
	vmm->state = FAKE_READY;
	vmm->handshakes++;
	return 0;
}

static void fake_disconnect(void *transport)
{
	struct fake_vmm *vmm = transport;

	vmm->state = FAKE_BROKEN;
}

static bool fake_present(void *transport)
{
	struct fake_vmm *vmm = transport;

	return vmm->present;
}

static void fake_answer(struct pvmc_wire *wire, u32 ret_errno, u32 ret_code,
			u64 ret_value, u64 arg0, u64 arg1)
{
	wire->word[0] = cpu_to_le64((u64)ret_code << 32 | ret_errno);
	wire->word[1] = cpu_to_le64(ret_value);
	wire->word[2] = cpu_to_le64(arg0);
	wire->word[3] = cpu_to_le64(arg1);
}

static void fake_carry_out(struct fake_vmm *vmm, struct pvmc_wire *wire,
			   const struct pvmemcontrol_vmm_call *call)
{
	bool shared = vmm->shared || call->addr >= vmm->shared_start;
	u64 drops = shared ? PVMEMCONTROL_REMOVE : PVMEMCONTROL_DONTNEED;

	if (call->func_code == PVMEMCONTROL_INFO) {
		fake_answer(wire, 0, 0, vmm->page_size, vmm->major, vmm->minor);
		return;
	}
	if (call->func_code >= PVMEMCONTROL_NR_FUNC_1_0) {
		fake_answer(wire, EOPNOTSUPP, call->func_code, 0, 0, 0);
		return;
	}
	if (call->func_code == PVMEMCONTROL_REMOVE && !shared) {
		fake_answer(wire, EINVAL, 0, 0, 0, 0);
		return;
	}
	if (call->func_code == drops && vmm->zeroes)
		memset(phys_to_virt(call->addr), 0, call->length);
	fake_answer(wire, 0, 0, 0, 0, 0);
}

static enum fake_fault fake_next_fault(struct fake_vmm *vmm)
{
	if (vmm->fault == FAKE_FAULT_NONE || !vmm->fault_count)
		return FAKE_FAULT_NONE;
	if (vmm->fault_skip) {
		vmm->fault_skip--;
		return FAKE_FAULT_NONE;
	}
	if (vmm->fault_count > 0)
		vmm->fault_count--;
	return vmm->fault;
}

static void fake_fault_request(struct fake_vmm *vmm, struct pvmc_wire *wire,
			       const struct pvmemcontrol_vmm_call *call,
			       unsigned int buffer)
{
	switch (fake_next_fault(vmm)) {
	case FAKE_FAULT_NONE:
		fake_carry_out(vmm, wire, call);
		break;
	case FAKE_FAULT_ERRNO:
		fake_answer(wire, vmm->fault_errno, 0, 0, 0, 0);
		break;
	case FAKE_FAULT_REFUSE:
		fake_answer(wire, vmm->fault_errno, call->func_code, 0, 0, 0);
		break;
	case FAKE_FAULT_LIE:
		fake_answer(wire, 0, 0, 0, 0, 0);
		break;
	case FAKE_FAULT_GARBAGE:
		get_random_bytes(wire, sizeof(*wire));
		break;
	case FAKE_FAULT_ELSEWHERE:
		buffer = (buffer + 1) % vmm->nr_buffers;
		fake_answer(phys_to_virt(vmm->buffers[buffer]), 0, 0, 0, 0, 0);
		break;
	case FAKE_FAULT_FORGET:
		vmm->nr_buffers = 0;
		vmm->state = FAKE_BROKEN;
		break;
	case FAKE_FAULT_GONE:
		vmm->present = false;
		break;
	case FAKE_FAULT_SILENT:
	case NR_FAKE_FAULTS:
		break;
	}
}

static void fake_kick(void *transport, u32 id)
{
	struct fake_vmm *vmm = transport;
	unsigned int buffer = id - PVMEMCONTROL_CONNECTION_ID;
	struct pvmemcontrol_vmm_call call;
	struct pvmc_wire *wire;

	if (!vmm->present || vmm->state != FAKE_READY ||
	    buffer >= vmm->nr_buffers) {
		vmm->ignored++;
		return;
	}
	wire = phys_to_virt(vmm->buffers[buffer]);
	call.func_code = le64_to_cpu(wire->word[0]);
	call.addr = le64_to_cpu(wire->word[1]);
	call.length = le64_to_cpu(wire->word[2]);
	call.arg = le64_to_cpu(wire->word[3]);

	if (vmm->on_kick)
		vmm->on_kick(vmm, &call);
	if (call.func_code == PVMEMCONTROL_INFO) {
		vmm->infos++;
	} else {
		if (vmm->requests < FAKE_LOG)
			vmm->log[vmm->requests] = call;
		vmm->requests++;
	}
	fake_fault_request(vmm, wire, &call, buffer);
}

const struct pvmc_transport_ops fake_vmm_ops = {
	.reset = fake_reset,
	.register_buffer = fake_register_buffer,
	.ready = fake_ready,
	.disconnect = fake_disconnect,
	.kick = fake_kick,
	.present = fake_present,
};

/* A well-behaved VMM with anonymous private memory; not plugged in yet. */
struct fake_vmm *fake_vmm_new(struct kunit *test)
{
	struct fake_vmm *vmm = kunit_kzalloc(test, sizeof(*vmm), GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, vmm);
	vmm->page_size = SZ_4K;
	vmm->major = 1;
	vmm->zeroes = true;
	vmm->shared_start = PHYS_ADDR_MAX;
	vmm->present = true;
	vmm->handshake_fails = -1;
	return vmm;
}

static int fake_plugged_init(struct kunit_resource *res, void *dev)
{
	res->data = dev;
	return 0;
}

/* However a test ends, its device must not outlive it. */
static void fake_plugged_free(struct kunit_resource *res)
{
	pvmc_device_unregister(res->data);
}

struct pvmc_device *fake_vmm_plug(struct kunit *test, struct fake_vmm *vmm)
{
	struct pvmc_device *dev = pvmc_device_register(NULL, &fake_vmm_ops, vmm);

	KUNIT_ASSERT_FALSE_MSG(test, IS_ERR(dev), "%pe", dev);
	kunit_alloc_resource(test, fake_plugged_init, fake_plugged_free,
			     GFP_KERNEL, dev);
	return dev;
}

static bool fake_plugged_match(struct kunit *test, struct kunit_resource *res,
			       void *what)
{
	return res->data == what;
}

void fake_vmm_unplug(struct kunit *test, struct pvmc_device *dev)
{
	KUNIT_EXPECT_EQ(test, 0,
			kunit_destroy_resource(test, fake_plugged_match, dev));
}

void fake_vmm_fault(struct fake_vmm *vmm, enum fake_fault fault, u32 err,
		    int skip, int count)
{
	vmm->fault = fault;
	vmm->fault_errno = err;
	vmm->fault_skip = skip;
	vmm->fault_count = count;
}

static void fake_client_free(struct kunit_resource *res)
{
	pvmemcontrol_unregister_client(res->data);
}

/* Likewise for clients. */
void fake_client_add(struct kunit *test, struct pvmemcontrol_client *client)
{
	KUNIT_ASSERT_EQ(test, 0, pvmemcontrol_register_client(client));
	kunit_alloc_resource(test, fake_plugged_init, fake_client_free,
			     GFP_KERNEL, client);
}

void fake_client_del(struct kunit *test, struct pvmemcontrol_client *client)
{
	KUNIT_EXPECT_EQ(test, 0,
			kunit_destroy_resource(test, fake_plugged_match,
					       client));
}

/* Whether the device has been connected that many times anew, within 10 s. */
bool fake_wait_recovered(struct pvmc_device *dev, unsigned long recoveries)
{
	int tries;

	for (tries = 0; tries < 500; tries++) {
		if (READ_ONCE(dev->recoveries) >= recoveries &&
		    READ_ONCE(dev->state) == PVMC_UP)
			break;
		msleep(20);
	}
	/* Clients restore after that, with the lock held. */
	mutex_lock(&pvmc_registry_lock);
	mutex_unlock(&pvmc_registry_lock);
	return READ_ONCE(dev->recoveries) == recoveries;
}

u64 fake_client_sum(u64 __percpu *counter)
{
	u64 sum = 0;
	int cpu;

	for_each_possible_cpu(cpu)
		sum += *per_cpu_ptr(counter, cpu);
	return sum;
}
