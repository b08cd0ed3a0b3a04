/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Filling a new VM. The image is Mote's own; arguments, environment and program come from the
 * user.
 */
#include "vm/boot.h"

#include "base/buf.h"

#include <assert.h>
#include <elf.h>
#include <errno.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>

/*
 * Whole pages come from the image's file if there is one, shared with the page cache until they are
 * written; otherwise, and for what a file's last page holds beyond the segment, bytes are copied.
 */
static int fill_segment(struct vm *vm, const struct vm_config *config, const Elf64_Phdr *ph,
			gpa_t at, uint64_t skip)
{
	uint64_t bytes = ph->p_filesz, mapped = 0;
	uint8_t *to = memory_at(&vm->memory, at, memory_page_up(skip + ph->p_memsz));
	if (config->image_fd >= 0 && (ph->p_offset - skip) % MOTE_PAGE == 0) {
		mapped = memory_page_up(skip + bytes);
		int rc = memory_back(&vm->memory, at, mapped, config->image_fd,
				     config->image_at + ph->p_offset - skip);
		if (rc < 0)
			return rc;
		if (ph->p_flags & PF_W) /* the bss begins in the middle of a page */
			memset(to + skip + bytes, 0, mapped - skip - bytes);
		return 0;
	}
	memcpy(to + skip, (const uint8_t *)config->image + ph->p_offset, bytes);
	return 0;
}

static int load_segment(struct vm *vm, const struct vm_config *config, const Elf64_Phdr *ph)
{
	uint64_t start = ph->p_vaddr & ~(uint64_t)(MOTE_PAGE - 1);
	uint64_t bytes = memory_page_up(ph->p_vaddr + ph->p_memsz) - start;
	unsigned access = MEMORY_READ;
	if (ph->p_flags & PF_W)
		access |= MEMORY_WRITE;
	if (ph->p_flags & PF_X)
		access |= MEMORY_EXEC;
	gpa_t at;
	int rc = memory_take(&vm->memory, bytes, &at);
	if (rc == 0)
		rc = memory_map_fixed(&vm->memory, gva(start), at, bytes, access);
	if (rc < 0 || ph->p_filesz == 0)
		return rc;
	return fill_segment(vm, config, ph, at, ph->p_vaddr - start);
}

int boot_load_image(struct vm *vm, const struct vm_config *config, struct err *e)
{
	Elf64_Ehdr eh;
	size_t bytes = config->image_bytes;
	if (bytes < sizeof(eh))
		return err_set(e, ERR_HOST, EINVAL, "the guest image is damaged");
	memcpy(&eh, config->image, sizeof(eh));
	for (unsigned i = 0; i < eh.e_phnum; i++) {
		Elf64_Phdr ph;
		uint64_t at = eh.e_phoff + i * sizeof(ph);
		if (at > bytes || sizeof(ph) > bytes - at)
			return err_set(e, ERR_HOST, EINVAL, "the guest image is damaged");
		memcpy(&ph, (const uint8_t *)config->image + at, sizeof(ph));
		if (ph.p_type != PT_LOAD || ph.p_memsz == 0)
			continue;
		if (ph.p_offset > bytes || ph.p_filesz > bytes - ph.p_offset ||
		    ph.p_filesz > ph.p_memsz)
			return err_set(e, ERR_HOST, EINVAL, "the guest image is damaged");
		int rc = load_segment(vm, config, &ph);
		if (rc < 0)
			return err_sys(e, -rc, "loading the guest image");
	}
	vm->entry = gva(eh.e_entry);
	return 0;
}

static const char *or_default(const char *s, const char *otherwise)
{
	if (s)
		return s;
	return otherwise;
}

int boot_map_program(struct vm *vm, const struct vm_config *config, struct err *e)
{
	struct stat st;
	const char *name = or_default(config->program_path, "the program");
	if (fstat(config->program_fd, &st) < 0)
		return err_sys(e, errno, "%s", name);
	if (!S_ISREG(st.st_mode))
		return err_set(e, ERR_CONFIG, EACCES, "%s is not a regular file", name);
	if (st.st_size == 0)
		return err_set(e, ERR_CONFIG, ENOEXEC, "%s is empty", name);
	if (st.st_size > (int64_t)MOTE_PROGRAM_MAX)
		return err_set(e, ERR_CONFIG, EFBIG,
			       "%s is larger than the 4 GiB that a program may have", name);
	vm->program_bytes = (uint64_t)st.st_size;
	uint64_t mapped = memory_page_up(vm->program_bytes);
	int rc = memory_take_file(&vm->memory, config->program_fd, mapped, &vm->program);
	if (rc == -ENOMEM && mapped > vm->memory.max_bytes - vm->memory.used_bytes)
		return err_set(e, ERR_CONFIG, ENOMEM,
			       "the memory limit of %lu KiB is too small for %s, which has %lu KiB",
			       config->memory_bytes >> 10, name, mapped >> 10);
	if (rc < 0)
		return err_sys(e, -rc, "mapping %s", name);
	rc = memory_map_fixed(&vm->memory, gva(MOTE_PROGRAM_VA), vm->program, mapped, MEMORY_READ);
	if (rc < 0)
		return err_sys(e, -rc, "mapping %s", name);
	return 0;
}

/* Boot information under construction: fixed part and arrays first, strings behind them. */
struct info {
	struct buf buf;
	int rc; /* first failure */
};

static uint32_t info_add(struct info *i, const void *bytes, size_t len)
{
	uint32_t at = (uint32_t)i->buf.len;
	if (i->rc == 0)
		i->rc = buf_put(&i->buf, bytes, len);
	return at;
}

static uint32_t info_string(struct info *i, const char *s)
{
	s = or_default(s, "");
	return info_add(i, s, strlen(s) + 1);
}

static uint32_t strings_count(char *const *v)
{
	uint32_t n = 0;
	while (v && v[n])
		n++;
	return n;
}

/* Reserves an array of n offsets and fills it with those of the strings; the array's own offset. */
static uint32_t info_strings(struct info *i, char *const *v, uint32_t n)
{
	static const uint8_t zeros[64];
	while (i->buf.len % 8 && i->rc == 0)
		info_add(i, zeros, 1);
	uint32_t array = (uint32_t)i->buf.len;
	for (uint32_t k = 0; k < n; k++)
		info_add(i, zeros, sizeof(uint32_t));
	for (uint32_t k = 0; k < n; k++) {
		uint32_t at = info_string(i, v[k]);
		if (i->rc == 0)
			memcpy(i->buf.data + array + k * sizeof(at), &at, sizeof(at));
	}
	return array;
}

static uint32_t info_preopens(struct info *i, const struct vm_config *config)
{
	static const uint8_t zeros[8];
	struct mote_preopen p[64];
	uint32_t n = (uint32_t)config->preopen_count;
	for (uint32_t k = 0; k < n; k++)
		p[k] = (struct mote_preopen){
			.fd = 3 + k,
			.kind = config->preopens[k].kind,
			.path = info_string(i, config->preopens[k].path),
		};
	while (i->buf.len % 8 && i->rc == 0)
		info_add(i, zeros, 1);
	return info_add(i, p, n * sizeof(p[0]));
}

/* An array of `bytes` bytes, aligned to 8: its offset. */
static uint32_t info_array(struct info *i, const void *array, size_t bytes)
{
	static const uint8_t zeros[8];
	while (i->buf.len % 8 && i->rc == 0)
		info_add(i, zeros, 1);
	return info_add(i, array, bytes);
}

static uint32_t flags_of(const struct vm_config *config)
{
	uint32_t flags = 0;
	if (config->network)
		flags |= MOTE_BOOT_NETWORK;
	if (config->stop_ready)
		flags |= MOTE_BOOT_READY;
	if (config->library)
		flags |= MOTE_BOOT_LIBRARY;
	if (config->inspect)
		flags |= MOTE_BOOT_INSPECT;
	if (config->no_new_privs)
		flags |= MOTE_BOOT_NO_NEW_PRIVS;
	if (config->seccomp)
		flags |= MOTE_BOOT_SECCOMP;
	return flags;
}

/* Behind *b, which begins the information: all that it has offsets of. */
static void add_lists(struct info *i, struct mote_boot *b, const struct vm_config *config)
{
	info_add(i, b, sizeof(*b));
	b->argv = info_strings(i, config->argv, b->argc);
	b->envv = info_strings(i, config->envp, b->envc);
	b->preopens = info_preopens(i, config);
	b->cwd = info_string(i, or_default(config->cwd, "/"));
	b->hostname = info_string(i, or_default(config->hostname, "mote"));
	b->domainname = info_string(i, or_default(config->domainname, "(none)"));
	b->groups = info_array(i, config->groups, b->groupc * sizeof(*config->groups));
	b->limits = info_array(i, config->limits, b->limitc * sizeof(*config->limits));
	for (unsigned k = 0; k < MOTE_PATH_KINDS; k++) {
		char *const *paths = (char *const *)config->paths[k];
		b->pathc[k] = strings_count(paths);
		b->paths[k] = info_strings(i, paths, b->pathc[k]);
	}
	b->call_rules =
		info_array(i, config->call_rules, b->call_rulec * sizeof(*config->call_rules));
	b->program_path = info_string(i, config->program_path);
	if (config->entry)
		b->entry = info_string(i, config->entry);
	b->init = info_string(i, config->init);
	b->bytes = i->buf.len;
	if (i->rc == 0)
		memcpy(i->buf.data, b, sizeof(*b));
}

static int map_info(struct vm *vm, const struct buf *buf)
{
	gpa_t at = {0};
	const uint64_t pages = memory_page_up(buf->len);
	int rc = memory_take(&vm->memory, pages, &at);
	if (rc == 0)
		rc = memory_map_fixed(&vm->memory, gva(MOTE_BOOT_VA), at, pages, MEMORY_READ);
	if (rc < 0)
		return rc;
	vm->boot = memcpy(memory_at(&vm->memory, at, pages), buf->data, buf->len);
	vm->boot_bytes = pages;
	return 0;
}

int boot_write_info(struct vm *vm, const struct vm_config *config, struct err *e)
{
	struct mote_boot b = {
		.magic = MOTE_BOOT_MAGIC,
		.abi_version = MOTE_ABI_VERSION,
		.memory_bytes = vm->memory.max_bytes,
		.program_bytes = vm->program_bytes,
		.flags = flags_of(config),

		.argc = strings_count(config->argv),
		.envc = strings_count(config->envp),
		.preopenc = (uint32_t)config->preopen_count,
		.uid = config->uid,
		.gid = config->gid,
		.pid = config->pid,
		.umask = config->umask,
		.groupc = (uint32_t)config->group_count,
		.limitc = (uint32_t)config->limit_count,
		.call_rulec = (uint32_t)config->call_rule_count,
		.capabilities = config->capabilities,
	};
	if (config->preopen_count > 64)
		return err_set(e, ERR_CONFIG, E2BIG, "more than 64 directories and listeners");
	if (getrandom(b.random, sizeof(b.random), 0) != sizeof(b.random))
		return err_sys(e, errno, "getrandom");
	struct info i = {.buf = {.cap = BOOT_INFO_MAX}};
	add_lists(&i, &b, config);
	int rc = i.rc;
	if (rc == 0)
		rc = map_info(vm, &i.buf);
	buf_free(&i.buf);
	if (rc == -E2BIG)
		return err_set(e, ERR_CONFIG, E2BIG,
			       "arguments and environment are larger than %lu KiB together",
			       BOOT_INFO_MAX >> 10);
	if (rc < 0)
		return err_sys(e, -rc, "boot information");
	return 0;
}

/* The initial stack and behind it the area: next to each other in host memory too. */
int boot_map_area(struct vm *vm, struct err *e)
{
	struct vcpu *vcpu = &vm->vcpus[0];
	static_assert(MOTE_BOOT_STACK_TOP == MOTE_AREAS_VA, "one mapping");
	const uint64_t bytes = MOTE_BOOT_STACK_BYTES + MOTE_AREA_BYTES;
	gpa_t at;
	int rc = memory_take(&vm->memory, bytes, &at);
	vcpu->area_va = vcpu_area_va(0);
	if (rc == 0)
		rc = memory_map_fixed(&vm->memory, gva(MOTE_BOOT_STACK_TOP - MOTE_BOOT_STACK_BYTES),
				      at, bytes, MEMORY_READ | MEMORY_WRITE);
	if (rc < 0)
		return err_sys(e, -rc, "the vCPU's area");
	vcpu->area = (struct mote_area *)(void *)(memory_at(&vm->memory, at, bytes) +
						  MOTE_BOOT_STACK_BYTES);
	vcpu->area->self = vcpu->area_va.v;
	return 0;
}
