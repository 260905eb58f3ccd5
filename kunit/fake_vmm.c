// SPDX-License-Identifier: GPL-2.0
/*
 * A VMM that misbehaves on demand, in place of a transport.  Its memory is the
 * guest's own, in the direct map.
 */
#include <linux/delay.h>
#include <linux/io.h>
#include <linux/mm.h>
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
	[FAKE_FAULT_RESET] = "reset",
	[FAKE_FAULT_GONE] = "gone",
	[FAKE_FAULT_READD] = "readd",
	[FAKE_FAULT_FIELD] = "field",
	[FAKE_FAULT_LATE] = "late",
};

/* What it still owes to a request that was given up. */
static void fake_answer_late(struct fake_vmm *vmm, const void *except)
{
	if (!vmm->late || vmm->late == except)
		return;
	*vmm->late = vmm->late_answer;
	vmm->late = NULL;
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
	vmm->faults++;
	return vmm->fault;
}

/* What becomes of the device itself. */
static void fake_device_event(struct fake_vmm *vmm, enum fake_fault fault)
{
	switch (fault) {
	case FAKE_FAULT_FORGET:
		vmm->nr_buffers = 0;
		vmm->state = FAKE_BROKEN;
		break;
	case FAKE_FAULT_RESET:
		vmm->nr_buffers = 0;
		vmm->state = FAKE_INIT;
		break;
	case FAKE_FAULT_GONE:
		vmm->present = false;
		break;
	case FAKE_FAULT_READD:
		vmm->nr_buffers = 0;
		vmm->state = FAKE_BROKEN;
		vmm->late = NULL;
		if (vmm->on_readd)
			vmm->on_readd(vmm);
		break;
	default:
		break;
	}
}

/* Before something is done with the device that is no request. */
static void fake_step(struct fake_vmm *vmm)
{
	if (vmm->fault_steps)
		fake_device_event(vmm, fake_next_fault(vmm));
}

static bool fake_step_fails(struct fake_vmm *vmm)
{
	fake_step(vmm);
	return !vmm->present || vmm->handshake_step++ == vmm->handshake_fails;
}

static int fake_reset(void *transport)
{
	struct fake_vmm *vmm = transport;

	fake_answer_late(vmm, NULL);
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

	fake_step(vmm);
	/* Whose buffers they were may free them from now on. */
	vmm->late = NULL;
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

static bool fake_guards(const struct fake_vmm *vmm, u64 func)
{
	return vmm->features & PVMEMCONTROL_FEATURE_GUARD &&
	       (func == PVMEMCONTROL_GUARD || func == PVMEMCONTROL_UNGUARD);
}

/* Whether a range is all in one region of RAM. */
static bool fake_is_ram(const struct fake_vmm *vmm,
			const struct pvmemcontrol_vmm_call *call)
{
	u64 end = call->addr + call->length;

	if (vmm->ram_end && end > vmm->ram_end)
		return false;
	if (vmm->longest && call->length > vmm->longest)
		return false;
	return call->addr >= vmm->region_end || end <= vmm->region_end;
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
	if (call->func_code == PVMEMCONTROL_FEATURES && vmm->features) {
		fake_answer(wire, 0, 0, vmm->features, vmm->vector_max,
			    vmm->zeroing);
		return;
	}
	if (call->func_code == PVMEMCONTROL_VIOLATION &&
	    vmm->features & PVMEMCONTROL_FEATURE_VIOLATION) {
		vmm->records = call->addr ? phys_to_virt(call->addr) : NULL;
		fake_answer(wire, 0, 0, FAKE_VCPU, 0, 0);
		return;
	}
	if (call->func_code >= PVMEMCONTROL_NR_FUNC_1_0 &&
	    !fake_guards(vmm, call->func_code)) {
		fake_answer(wire, EOPNOTSUPP, call->func_code, 0, 0, 0);
		return;
	}
	if (!fake_is_ram(vmm, call)) {
		fake_answer(wire, EINVAL, call->func_code, 0, 0, 0);
		return;
	}
	if (call->func_code == PVMEMCONTROL_REMOVE && !shared) {
		fake_answer(wire, EINVAL, 0, 0, 0, 0);
		return;
	}
	if (call->func_code == drops && vmm->zeroes)
		memset(phys_to_virt(call->addr), 0, call->length);
	fake_answer(wire, 0, 0, 0, 0, 0);
	if (vmm->on_done)
		vmm->on_done(vmm, call);
}

static void fake_vector(struct fake_vmm *vmm, struct pvmc_wire *wire,
			const struct pvmemcontrol_vmm_call *vector,
			unsigned int buffer);

static void fake_spoil_field(struct pvmc_wire *wire, u32 what)
{
	u32 *field = (u32 *)wire + what % FAKE_FIELDS;

	switch ((enum fake_garbage)(what / FAKE_FIELDS)) {
	case FAKE_ONE:
		*field = (__force u32)cpu_to_le32(1);
		break;
	case FAKE_ALL_ONES:
		*field = U32_MAX;
		break;
	case FAKE_TOP_BIT:
		*field = (__force u32)cpu_to_le32(BIT(31));
		break;
	case FAKE_RANDOM:
	case NR_FAKE_GARBAGE:
		*field = get_random_u32();
		break;
	}
}

/* Does what it was asked, and then something is wrong with the answer. */
static void fake_do_and_spoil(struct fake_vmm *vmm, struct pvmc_wire *wire,
			      const struct pvmemcontrol_vmm_call *call,
			      unsigned int buffer, enum fake_fault fault)
{
	struct pvmc_wire asked = *wire;

	if (call->func_code == PVMEMCONTROL_VECTOR &&
	    vmm->features & PVMEMCONTROL_FEATURE_VECTOR)
		fake_vector(vmm, wire, call, buffer);
	else
		fake_carry_out(vmm, wire, call);

	if (fault == FAKE_FAULT_FIELD) {
		fake_spoil_field(wire, vmm->fault_errno);
	} else {
		vmm->late = wire;
		vmm->late_answer = *wire;
		*wire = asked;
	}
}

/* Buffers are registered by CPU, and of one CPU by level. */
static phys_addr_t fake_elsewhere(const struct fake_vmm *vmm,
				  unsigned int buffer)
{
	unsigned int by = vmm->nr_buffers > PVMC_LEVELS ? PVMC_LEVELS : 1;

	return vmm->buffers[(buffer + by) % vmm->nr_buffers];
}

static void fake_fault_request(struct fake_vmm *vmm, struct pvmc_wire *wire,
			       const struct pvmemcontrol_vmm_call *call,
			       unsigned int buffer, enum fake_fault fault)
{
	switch (fault) {
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
		do {
			get_random_bytes(wire, sizeof(*wire));
		} while (!wire->word[0]);
		break;
	case FAKE_FAULT_ELSEWHERE:
		wire = phys_to_virt(fake_elsewhere(vmm, buffer));
		fake_answer(wire, 0, 0, 0, 0, 0);
		break;
	case FAKE_FAULT_FORGET:
	case FAKE_FAULT_RESET:
	case FAKE_FAULT_GONE:
	case FAKE_FAULT_READD:
		fake_device_event(vmm, fault);
		break;
	case FAKE_FAULT_FIELD:
	case FAKE_FAULT_LATE:
		fake_do_and_spoil(vmm, wire, call, buffer, fault);
		break;
	case FAKE_FAULT_SILENT:
	case NR_FAKE_FAULTS:
		break;
	}
}

static struct pvmemcontrol_vmm_call fake_read(const struct pvmc_wire *wire)
{
	return (struct pvmemcontrol_vmm_call) {
		.func_code = le64_to_cpu(wire->word[0]),
		.addr = le64_to_cpu(wire->word[1]),
		.length = le64_to_cpu(wire->word[2]),
		.arg = le64_to_cpu(wire->word[3]),
	};
}

static void fake_count(struct fake_vmm *vmm,
		       const struct pvmemcontrol_vmm_call *call)
{
	if (vmm->on_kick)
		vmm->on_kick(vmm, call);
	if (call->func_code == PVMEMCONTROL_INFO) {
		vmm->infos++;
	} else if (call->func_code == PVMEMCONTROL_FEATURES) {
		vmm->asked++;
	} else if (call->func_code == PVMEMCONTROL_VIOLATION) {
		vmm->asked_vcpu++;
	} else if (call->func_code == PVMEMCONTROL_VECTOR) {
		vmm->vectors++;
	} else {
		if (vmm->requests < FAKE_LOG)
			vmm->log[vmm->requests] = *call;
		vmm->requests++;
	}
}

/* Faults that leave an entry without answer leave the vector without one. */
static void fake_vector(struct fake_vmm *vmm, struct pvmc_wire *wire,
			const struct pvmemcontrol_vmm_call *vector,
			unsigned int buffer)
{
	struct pvmc_wire *array = phys_to_virt(vector->addr);
	u64 i;

	if (!vector->length || vector->length > vmm->vector_max ||
	    !IS_ALIGNED(vector->addr, PVMEMCONTROL_BUF_SIZE) ||
	    offset_in_page(vector->addr) +
		vector->length * PVMEMCONTROL_BUF_SIZE > PAGE_SIZE) {
		fake_answer(wire, EINVAL, PVMEMCONTROL_VECTOR, 0, 0, 0);
		return;
	}
	for (i = 0; i < vector->length; i++) {
		struct pvmemcontrol_vmm_call call = fake_read(&array[i]);
		enum fake_fault fault = FAKE_FAULT_NONE;
		struct pvmc_wire before = array[i];
		u64 first;

		fake_count(vmm, &call);
		if (vmm->fault_entries)
			fault = fake_next_fault(vmm);
		fake_fault_request(vmm, &array[i], &call, buffer, fault);
		if (!memcmp(&before, &array[i], sizeof(before)))
			return;
		first = le64_to_cpu(array[i].word[0]);
		if (first) {
			fake_answer(wire, lower_32_bits(first),
				    upper_32_bits(first), i, 0, 0);
			return;
		}
	}
	fake_answer(wire, 0, 0, vector->length, 0, 0);
}

static void fake_kick(void *transport, u32 id)
{
	struct fake_vmm *vmm = transport;
	unsigned int buffer = id - PVMEMCONTROL_CONNECTION_ID;
	enum fake_fault fault = FAKE_FAULT_NONE;
	struct pvmemcontrol_vmm_call call;
	struct pvmc_wire *wire;
	bool vector;

	if (!vmm->present || vmm->state != FAKE_READY ||
	    buffer >= vmm->nr_buffers) {
		vmm->ignored++;
		return;
	}
	wire = phys_to_virt(vmm->buffers[buffer]);
	fake_answer_late(vmm, wire);
	call = fake_read(wire);
	fake_count(vmm, &call);
	vector = call.func_code == PVMEMCONTROL_VECTOR &&
		 vmm->features & PVMEMCONTROL_FEATURE_VECTOR;
	if (!(vector ? vmm->fault_entries : vmm->entries_only))
		fault = fake_next_fault(vmm);
	if (vector && fault == FAKE_FAULT_NONE)
		fake_vector(vmm, wire, &call, buffer);
	else
		fake_fault_request(vmm, wire, &call, buffer, fault);
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

/* Has the VMM know protocol 1.1. */
void fake_vmm_vectors(struct fake_vmm *vmm)
{
	vmm->minor = 1;
	vmm->features = PVMEMCONTROL_FEATURE_VECTOR;
	vmm->vector_max = PVMC_VECTOR_ENTRIES;
	vmm->zeroing = BIT_ULL(PVMEMCONTROL_DONTNEED);
}

/* Writes a record.  Returns whether there was a place for it. */
bool fake_vmm_violate(struct fake_vmm *vmm, u64 addr, u32 access, u32 vcpu,
		      u32 flags)
{
	struct pvmemcontrol_violation *record = vmm->records;
	unsigned int i;

	if (!record)
		return false;
	for (i = 0; i < SZ_4K / sizeof(*record); i++, record++) {
		if (READ_ONCE(record->sequence))
			continue;
		record->addr = (__force u64)cpu_to_le64(addr);
		record->access = (__force u32)cpu_to_le32(access);
		record->vcpu = (__force u32)cpu_to_le32(vcpu);
		record->flags = (__force u32)cpu_to_le32(flags);
		record->reserved = 0;
		/* Whoever sees it sees the rest. */
		smp_store_release(&record->sequence,
				  (__force u64)cpu_to_le64(++vmm->sequence));
		return true;
	}
	return false;
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
