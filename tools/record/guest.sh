# SPDX-License-Identifier: GPL-2.0
# Loads and unloads the modules named in the arguments while the recorder that
# early.sh has loaded runs, and leaves what was recorded in /results.
#
# vm: --cpus 1 --memory 256M --no-device --modules none
# vm: --append rdinit=/lib/record/early.sh
# vm: --append noreplace-smp
# vm: --append trace_event=initcall:initcall_level
# vm: --append kprobe_event=p:attr,change_page_attr_set_clr,addr=+0(%di):x64,pages=%si:s32,set=%dx:x64,clear=%cx:x64,flags=%r9:x32,caller=+0(%sp):symbol;p:alloc,module_alloc,bytes=%di:u64,caller=+0(%sp):symbol;r:allocated,module_alloc,addr=$retval:x64;p:free,__vunmap,addr=%di:x64,caller=+0(%sp):symbol
# module: pvmc_recorder
set -eu
recorder=/sys/kernel/debug/pvmc_recorder
areas=' (load_module|arch_rethook_trampoline)\+.* vmalloc'

# Init sections are freed by a worker after a grace period: until each module has
# but one area.  Who allocated them is the probe's trampoline, but for the
# recorder's own, for which there was none yet.
settle()
{
	tries=0
	until [ "$(grep -cE "$areas" /proc/vmallocinfo)" -eq \
		"$(wc -l </proc/modules)" ]; do
		tries=$((tries + 1))
		if [ $tries -gt 600 ]; then
			echo "record: init sections are not freed" >&2
			exit 1
		fi
		sleep 0.05
	done
}

mark()
{
	settle
	echo "$*" >$recorder/mark
}

mark begin
reversed=
for module; do
	mark "load $module"
	modprobe "$module"
	grep -q "^$module " /proc/modules
	reversed="$module $reversed"
done
for module in $reversed; do
	mark "unload $module"
	rmmod "$module"
done
mark finish
echo end >$recorder/log

cp /run/record/boot /results/boot
cp $recorder/log /results/log
uname -r >/results/release
