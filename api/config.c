/* SPDX-License-Identifier: Apache-2.0 */
/* What is added to a sandbox's configuration after its options. */
#include "api/options.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>

int config_add_dir(struct sandbox_config *c, const struct vm_preopen *dir, struct err *e)
{
	if (c->vm.preopen_count == PREOPENS_MAX)
		return err_set(e, ERR_CONFIG, E2BIG,
			       "%d directories and listeners leave no space for %s", PREOPENS_MAX,
			       dir->path);
	struct vm_preopen *at = c->preopens + c->vm.preopen_count - c->listeners;
	memmove(at + 1, at, c->listeners * sizeof(*at));
	*at = *dir;
	c->vm.preopen_count++;
	return 0;
}

int config_add_variable(struct sandbox_config *c, char *variable, struct err *e)
{
	size_t count = 0;
	while (c->vm.envp && c->vm.envp[count])
		count++;
	char **env = calloc(count + 2, sizeof(*env));
	if (!env)
		return err_sys(e, ENOMEM, "the environment");
	if (count)
		memcpy(env, c->vm.envp, count * sizeof(*env));
	env[count] = variable;
	free(c->env);
	c->env = env;
	c->vm.envp = env;
	return 0;
}

int config_add_devices(const struct mote_options *o, struct sandbox_config *c, struct err *e)
{
	if (!o->devices)
		return 0;
	c->devices_fd = open("/dev", O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (c->devices_fd < 0)
		return err_sys(e, errno, "/dev");
	const struct vm_preopen devices = {
		.fd = c->devices_fd,
		.kind = MOTE_PREOPEN_DEVICES,
		.path = "/dev",
	};
	return config_add_dir(c, &devices, e);
}
