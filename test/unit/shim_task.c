/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The task service, asked by a client over its socket, with whole containers in which a double
 * stands for the VM.
 */
#include "shim_client.h"

#include "proto/bootstrap.pb-c.h"
#include "proto/metrics.pb-c.h"
#include "proto/task.pb-c.h"
#include "proto/types.pb-c.h"

TestSuite(shim_task, .init = start_shim, .fini = end_shim);

/* --- a client --- */

static uint32_t request(const char *method, const ProtobufCMessage *message)
{
	return request_of("containerd.task.v2.Task", method, message);
}

static uint32_t send_process(const char *method, const char *exec_id)
{
	Task__ProcessRequest r = TASK__PROCESS_REQUEST__INIT;
	r.id = (char *)"c";
	r.exec_id = (char *)(uintptr_t)exec_id;
	return request(method, &r.base);
}

static const struct answer *ask(const char *method, const char *exec_id)
{
	return answer(send_process(method, exec_id));
}

static uint32_t send_create(void)
{
	Task__CreateTaskRequest r = TASK__CREATE_TASK_REQUEST__INIT;
	r.id = (char *)"c";
	r.bundle = dir;
	r.stdout = stdout_path;
	return request("Create", &r.base);
}

static uint32_t send_shutdown(void)
{
	Task__ShutdownRequest r = TASK__SHUTDOWN_REQUEST__INIT;
	r.id = (char *)"c";
	return request("Shutdown", &r.base);
}

static const struct answer *ask_kill(const char *exec_id, uint32_t signo)
{
	Task__KillRequest r = TASK__KILL_REQUEST__INIT;
	r.id = (char *)"c";
	r.exec_id = (char *)(uintptr_t)exec_id;
	r.signal = signo;
	return answer(request("Kill", &r.base));
}

static const struct answer *ask_exec(const char *exec_id, const char *process)
{
	Types__Any any = TYPES__ANY__INIT;
	any.type_url = (char *)"";
	any.value.data = (uint8_t *)(uintptr_t)process;
	any.value.len = strlen(process);
	Task__ExecProcessRequest r = TASK__EXEC_PROCESS_REQUEST__INIT;
	r.id = (char *)"c";
	r.exec_id = (char *)(uintptr_t)exec_id;
	r.spec = &any;
	return answer(request("Exec", &r.base));
}

/* Of Wait's answer. */
static uint32_t exit_status(const struct answer *a)
{
	cr_assert(a->code == 0, "%s", a->text);
	Task__WaitResponse *r = task__wait_response__unpack(NULL, a->len, a->payload);
	cr_assert(r);
	uint32_t status = r->exit_status;
	task__wait_response__free_unpacked(r, NULL);
	return status;
}

static int status_now(const char *exec_id)
{
	const struct answer *a = ask("State", exec_id);
	cr_assert(a->code == 0, "%s", a->text);
	Task__StateResponse *r = task__state_response__unpack(NULL, a->len, a->payload);
	cr_assert(r);
	int status = (int)r->status;
	task__state_response__free_unpacked(r, NULL);
	return status;
}

static void create_and_start(const char *prog)
{
	program(prog);
	const struct answer *a = answer(send_create());
	cr_assert(a->code == 0, "%s", a->text);
	a = ask("Start", "");
	cr_assert(a->code == 0, "%s", a->text);
}

#define SECOND "{\"args\":[\"/second\"],\"cwd\":\"/\"}"

/* --- tests --- */

Test(shim_task, lives)
{
	program("exit 7");
	cr_expect(answer(send_create())->code == 0);
	cr_expect(status_now("") == TYPES__STATUS__CREATED);
	uint32_t waits[2] = {send_process("Wait", ""), send_process("Wait", "")};
	cr_expect(!is_answered(waits[0]));
	cr_expect(ask("Start", "")->code == 0);
	cr_expect(exit_status(answer(waits[0])) == 7 && exit_status(answer(waits[1])) == 7);
	cr_expect(status_now("") == TYPES__STATUS__STOPPED);
	cr_expect(exit_status(ask("Wait", "")) == 7, "Wait after the end");
	expect_code(ask_kill("", SIGKILL), TTRPC_NOT_FOUND, "has ended");
	expect_code(ask("Start", ""), TTRPC_FAILED_PRECONDITION, "has ended");
	cr_expect(ask("Delete", "")->code == 0);
	expect_code(ask("State", ""), TTRPC_NOT_FOUND, "not found");
}

/* A log process that waits for a file, so that a Create waits for it. */
static void put_late_logger(void)
{
	put(at("logger"),
	    "#!/bin/sh\nwhile ! [ -e \"$2\" ]; do sleep 0.01; done\nexec 5>&-\n"
	    "cat <&3 >/dev/null; cat <&4 >/dev/null\n",
	    0755);
	snprintf(stdout_path, sizeof(stdout_path), "binary://%s?go=%s", at("logger"), at("go"));
}

/* What is asked of a task in creation is served after Create, in the order of its arrival. */
Test(shim_task, asked_while_it_is_created)
{
	Task__KillRequest kill_request = TASK__KILL_REQUEST__INIT;
	kill_request.id = (char *)"c";
	kill_request.signal = SIGKILL;
	put_late_logger();
	program("wait");
	uint32_t create = send_create(), state = send_process("State", ""),
		 wait = send_process("Wait", ""), start = send_process("Start", ""),
		 pids = send_process("Pids", ""), close_io = send_process("CloseIO", ""),
		 other = send_process("State", "none"), end = request("Kill", &kill_request.base);
	const uint32_t all[] = {create, state, wait, start, pids, close_io, other, end};
	for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++)
		cr_expect(!is_answered(all[i]), "call %zu is answered", i);
	expect_code(answer(send_create()), TTRPC_ALREADY_EXISTS, "exists");
	put(at("go"), "", 0644);
	cr_expect(answer(create)->code == 0);
	cr_expect(answer(state)->code == 0 && answer(pids)->code == 0);
	cr_expect(answer(close_io)->code == 0 && answer(end)->code == 0);
	expect_code(answer(other), TTRPC_NOT_FOUND, "process none");
	cr_expect(exit_status(answer(wait)) == 137);
	answer(start); /* it may have come first */
	cr_expect(ask("Delete", "")->code == 0);
}

/* The same of one that cannot be created. */
Test(shim_task, asked_while_it_is_refused)
{
	static const char *const methods[] = {"State", "Start", "Wait", "Pids", "Delete"};
	uint32_t calls[5];
	program("exit 0");
	unlink(at("rootfs/prog"));
	uint32_t create = send_create();
	for (size_t i = 0; i < 5; i++)
		calls[i] = send_process(methods[i], "");
	expect_code(answer(create), TTRPC_INVALID_ARGUMENT, "/prog");
	for (size_t i = 0; i < 5; i++)
		expect_code(answer(calls[i]), TTRPC_NOT_FOUND, "container c: not found");
}

/*
 * A client that gives up its Create, as containerd does: Delete and Shutdown, and it is gone. The
 * container goes as soon as it is there, and the shim with it.
 */
Test(shim_task, given_up_while_it_is_created)
{
	put_late_logger();
	program("wait");
	send_create();
	send_process("Delete", "");
	send_shutdown();
	step();
	close(peer);
	connect_client();
	for (int i = 0; i < 20; i++)
		step();
	cr_expect(shim.tasks && !shim.ending);
	put(at("go"), "", 0644);
	for (int i = 0; i < 20000 && !shim.ending; i++) {
		step();
		poll(NULL, 0, 1);
	}
	cr_expect(!shim.tasks && shim.ending);
}

/* The same without a Shutdown, and nobody has come instead. */
Test(shim_task, left_alone_while_it_is_created)
{
	put_late_logger();
	program("wait");
	send_create();
	send_process("Delete", "");
	step();
	close_client();
	cr_expect(shim.tasks && !shim.ending);
	put(at("go"), "", 0644);
	for (int i = 0; i < 20000 && !shim.ending; i++) {
		loop_step(&shim.loop, 1);
		task_reap(&shim);
	}
	cr_expect(!shim.tasks && shim.ending);
}

/* Of one that is there it means nothing: others may come. */
Test(shim_task, shutdown_while_a_task_is_there)
{
	create_and_start("wait");
	expect_code(answer(send_shutdown()), 0, "");
	cr_expect(ask_kill("", SIGKILL)->code == 0 && exit_status(ask("Wait", "")) == 137);
	cr_expect(ask("Delete", "")->code == 0 && !shim.ending);
	expect_code(answer(send_shutdown()), 0, "");
	cr_expect(shim.ending);
}

/* Its deletion ends it. */
Test(shim_task, deleted_before_its_start)
{
	program("wait");
	cr_expect(answer(send_create())->code == 0);
	uint32_t wait = send_process("Wait", "");
	cr_expect(ask("Delete", "")->code == 0);
	cr_expect(exit_status(answer(wait)) == 137);
	expect_code(ask("State", ""), TTRPC_NOT_FOUND, "not found");
}

/* While a log process has not ended. */
Test(shim_task, many_ask_for_the_end)
{
	put(at("logger"),
	    "#!/bin/sh\ntrap '' TERM\nexec 5>&-\nwhile ! [ -e \"$2\" ]; do sleep 0.01; done\n",
	    0755);
	snprintf(stdout_path, sizeof(stdout_path), "binary://%s?go=%s", at("logger"), at("go"));
	create_and_start("exit 0");
	cr_expect(exit_status(ask("Wait", "")) == 0);
	uint32_t deletes[2] = {send_process("Delete", ""), send_process("Delete", "")};
	cr_expect(!is_answered(deletes[0]) && !is_answered(deletes[1]));
	put(at("go"), "", 0644);
	cr_expect(answer(deletes[0])->code == 0 && answer(deletes[1])->code == 0);
}

Test(shim_task, wrong_requests)
{
	create_and_start("wait");
	expect_code(answer(send_create()), TTRPC_ALREADY_EXISTS, "exists");
	expect_code(ask("Start", ""), TTRPC_FAILED_PRECONDITION, "already been started");
	expect_code(ask("Delete", ""), TTRPC_FAILED_PRECONDITION, "has not ended");
	expect_code(ask("Start", "x"), TTRPC_NOT_FOUND, "process x");
	expect_code(ask_kill("", 65), TTRPC_INVALID_ARGUMENT, "invalid signal");
	expect_code(ask("Resume", ""), TTRPC_FAILED_PRECONDITION, "not paused");
	expect_code(ask_exec("../x", SECOND), TTRPC_INVALID_ARGUMENT, "invalid process id");
	expect_code(ask_exec("x", "{}"), TTRPC_INVALID_ARGUMENT, "");
	cr_expect(ask_exec("x", SECOND)->code == 0);
	expect_code(ask_exec("x", SECOND), TTRPC_ALREADY_EXISTS, "exists");
	expect_code(ask_kill("x", SIGTERM), TTRPC_FAILED_PRECONDITION, "has not been started");
	expect_code(ask_kill("x", 0), TTRPC_FAILED_PRECONDITION, "has not been started");
	expect_code(ask_kill("", 0), 0, "");
	cr_expect(status_now("") == TYPES__STATUS__RUNNING);
	expect_code(answer(send_shutdown()), 0, "");
	cr_expect(!shim.ending, "it has a task");
	cr_expect(ask_kill("", SIGKILL)->code == 0);
	cr_expect(exit_status(ask("Wait", "")) == 137);
	expect_code(ask_kill("", 0), TTRPC_NOT_FOUND, "has ended");
	cr_expect(ask("Delete", "")->code == 0);
}

Test(shim_task, what_cannot_be_created)
{
	program("exit 0");
	unlink(at("rootfs/prog"));
	expect_code(answer(send_create()), TTRPC_INVALID_ARGUMENT, "/prog");
	expect_code(ask("State", ""), TTRPC_NOT_FOUND, "not found");
	/* What fails later is Start's to report; the container is there, and ends. */
	program("refuse");
	cr_expect(answer(send_create())->code == 0);
	expect_code(ask("Start", ""), TTRPC_INVALID_ARGUMENT, "512 MiB");
	cr_expect(exit_status(ask("Wait", "")) == 125);
	cr_expect(ask("Delete", "")->code == 0);
}

Test(shim_task, processes_of_exec)
{
	create_and_start("wait");
	program_at("rootfs/second", "exit 3");
	cr_expect(ask_exec("x", SECOND)->code == 0);
	cr_expect(status_now("x") == TYPES__STATUS__CREATED);
	uint32_t wait = send_process("Wait", "x");
	cr_expect(ask("Start", "x")->code == 0);
	cr_expect(exit_status(answer(wait)) == 3);
	cr_expect(status_now("x") == TYPES__STATUS__STOPPED &&
		  status_now("") == TYPES__STATUS__RUNNING);
	cr_expect(ask("Delete", "x")->code == 0);
	expect_code(ask("State", "x"), TTRPC_NOT_FOUND, "process x");
	/* One that cannot be started has ended. */
	cr_expect(ask_exec("x", "{\"args\":[\"/none\"],\"cwd\":\"/\"}")->code == 0);
	wait = send_process("Wait", "x");
	expect_code(ask("Start", "x"), TTRPC_INVALID_ARGUMENT, "/none");
	cr_expect(exit_status(answer(wait)) == 127);
	cr_expect(ask("Delete", "x")->code == 0);
	cr_expect(ask_kill("", SIGTERM)->code == 0);
	cr_expect(exit_status(ask("Wait", "")) == 143);
	cr_expect(ask("Delete", "")->code == 0);
}

/* Its exit comes after theirs, and its deletion is theirs. */
Test(shim_task, end_with_their_container)
{
	create_and_start("wait");
	program_at("rootfs/second", "loop");
	cr_expect(ask_exec("runs", SECOND)->code == 0 && ask("Start", "runs")->code == 0);
	cr_expect(ask_exec("waits", SECOND)->code == 0);
	uint32_t own = send_process("Wait", ""), runs = send_process("Wait", "runs"),
		 waits = send_process("Wait", "waits");
	cr_expect(ask_kill("", SIGKILL)->code == 0);
	cr_expect(exit_status(answer(own)) == 137);
	cr_expect(answers[runs % ANSWERS_MAX].there && exit_status(answer(runs)) == 137);
	cr_expect(!is_answered(waits));
	expect_code(ask("Start", "waits"), TTRPC_FAILED_PRECONDITION, "has ended");
	cr_expect(ask("Delete", "")->code == 0);
	expect_code(answer(waits), TTRPC_NOT_FOUND, "before it ran");
}

/* Delete comes as soon as State says STOPPED, while the others are still ending: it waits. */
Test(shim_task, deleted_while_others_end)
{
	create_and_start("wait");
	program_at("rootfs/second", "loop");
	cr_expect(ask_exec("a", SECOND)->code == 0 && ask("Start", "a")->code == 0);
	cr_expect(ask_exec("b", SECOND)->code == 0 && ask("Start", "b")->code == 0);
	cr_expect(ask_kill("", SIGTERM)->code == 0);
	while (status_now("") != TYPES__STATUS__STOPPED)
		;
	uint32_t of_exec = send_process("Delete", "a"), own = send_process("Delete", "");
	expect_code(answer(of_exec), 0, "");
	expect_code(answer(own), 0, "");
}

/* Before its start a container has its namespaces: processes can be added to it. */
Test(shim_task, exec_before_the_start)
{
	program("wait");
	program_at("rootfs/second", "exit 3");
	cr_expect(answer(send_create())->code == 0);
	cr_expect(ask_exec("x", SECOND)->code == 0);
	expect_code(ask("Start", "x"), 0, "");
	cr_expect(exit_status(ask("Wait", "x")) == 3);
	cr_expect(status_now("") == TYPES__STATUS__CREATED);
	cr_expect(ask("Delete", "x")->code == 0);
	/* One that runs when the container is deleted ends with it. */
	program_at("rootfs/second", "loop");
	cr_expect(ask_exec("y", SECOND)->code == 0 && ask("Start", "y")->code == 0);
	uint32_t wait = send_process("Wait", "y");
	cr_expect(ask("Delete", "")->code == 0);
	cr_expect(exit_status(answer(wait)) == 137);
}

/* Start is answered after its hooks, and before the task is gone. */
Test(shim_task, deleted_while_it_starts)
{
	char hooks[500];
	put(at("hook"), "#!/bin/sh\nfor i in $(seq 1000); do [ -e \"$1\" ] || sleep 0.01; done\n",
	    0755);
	snprintf(hooks, sizeof(hooks),
		 ",\"hooks\":{\"poststart\":[{\"path\":\"%s\",\"args\":[\"hook\",\"%s\"],"
		 "\"env\":[\"PATH=/usr/bin:/bin\"]}]}" LINUX(""),
		 at("hook"), at("go"));
	config("", hooks);
	program("exit 5");
	cr_expect(answer(send_create())->code == 0);
	uint32_t start = send_process("Start", ""), wait = send_process("Wait", "");
	while (process_status(shim.tasks->process) != PROCESS_STATUS_STOPPED)
		step();
	uint32_t deletion = send_process("Delete", "");
	cr_expect(!is_answered(deletion) && !is_answered(start));
	put(at("go"), "", 0644);
	cr_expect(answer(start)->code == 0);
	cr_expect(exit_status(answer(wait)) == 5);
	cr_expect(answer(deletion)->code == 0);
}

/*
 * A client that is gone gets no answers; what it asked for happens, and what it waited for is
 * forgotten.
 */
Test(shim_task, client_that_is_gone)
{
	program("exit 0");
	send_create();
	step();
	close(peer);
	connect_client();
	cr_expect(status_now("") == TYPES__STATUS__CREATED);
	send_process("Wait", "");
	send_process("Start", "");
	step();
	close(peer);
	connect_client();
	cr_expect(exit_status(ask("Wait", "")) == 0);
	send_process("Delete", "");
	step();
	close(peer);
	connect_client();
	while (shim.tasks)
		step();
}

/* Of Stats's answer, which is in the form of the machine's version of cgroups. */
static void expect_figures(const struct answer *a)
{
	cr_assert(a->code == 0, "%s", a->text);
	Task__StatsResponse *r = task__stats_response__unpack(NULL, a->len, a->payload);
	cr_assert(r && r->stats);
	const size_t len = r->stats->value.len;
	const uint8_t *data = r->stats->value.data;
	if (strcmp(r->stats->type_url, "io.containerd.cgroups.v2.Metrics") == 0) {
		Metrics__V2Metrics *m = metrics__v2_metrics__unpack(NULL, len, data);
		cr_assert(m && m->pids && m->memory && m->cpu);
		cr_expect(m->pids->current >= 1 && m->memory->usage > 0 && m->cpu->usage_usec > 0);
		metrics__v2_metrics__free_unpacked(m, NULL);
	} else {
		cr_expect_str_eq(r->stats->type_url, "io.containerd.cgroups.v1.Metrics");
		Metrics__V1Metrics *m = metrics__v1_metrics__unpack(NULL, len, data);
		cr_assert(m && m->pids && m->memory && m->cpu && m->cpu->usage);
		cr_expect(m->pids->current >= 1 && m->memory->usage->usage > 0 &&
			  m->cpu->usage->total > 0);
		metrics__v1_metrics__free_unpacked(m, NULL);
	}
	task__stats_response__free_unpacked(r, NULL);
}

static const struct answer *ask_update(const char *resources)
{
	Types__Any any = TYPES__ANY__INIT;
	Task__UpdateTaskRequest r = TASK__UPDATE_TASK_REQUEST__INIT;
	r.id = (char *)"c";
	any.type_url = (char *)"";
	any.value.data = (uint8_t *)(uintptr_t)resources;
	if (resources) {
		any.value.len = strlen(resources);
		r.resources = &any;
	}
	return answer(request("Update", &r.base));
}

Test(shim_task, limits_and_figures)
{
	create_and_start("wait");
	expect_figures(ask("Stats", ""));
	expect_code(ask_update(NULL), TTRPC_INVALID_ARGUMENT, "without resources");
	expect_code(ask_update("{"), TTRPC_INVALID_ARGUMENT, "");
	expect_code(ask_update("{\"pids\":{\"limit\":\"x\"}}"), TTRPC_INVALID_ARGUMENT, "limit");
	expect_code(ask_update("{\"pids\":{\"limit\":500}}"), 0, "");
	cr_expect(ask_kill("", SIGKILL)->code == 0);
	cr_expect(exit_status(ask("Wait", "")) == 137);
	cr_expect(ask("Delete", "")->code == 0);
	expect_code(ask("Stats", ""), TTRPC_NOT_FOUND, "not found");
	expect_code(ask_update("{}"), TTRPC_NOT_FOUND, "not found");
}

Test(shim_task, pauses)
{
	create_and_start("wait");
	expect_code(ask("Pause", ""), 0, "");
	cr_expect(status_now("") == TYPES__STATUS__PAUSED);
	expect_code(ask("Pause", ""), TTRPC_FAILED_PRECONDITION, "not running");
	expect_code(ask("Resume", ""), 0, "");
	cr_expect(status_now("") == TYPES__STATUS__RUNNING);
	/* One that is killed while it is paused ends all the same. */
	expect_code(ask("Pause", ""), 0, "");
	cr_expect(ask_kill("", SIGKILL)->code == 0);
	cr_expect(exit_status(ask("Wait", "")) == 137);
	expect_code(ask("Pause", ""), TTRPC_FAILED_PRECONDITION, "");
	cr_expect(ask("Delete", "")->code == 0);
	expect_code(ask("Pause", ""), TTRPC_NOT_FOUND, "not found");
}

/* What a Create asks for that Mote does not do, or that containerd does not send. */
Test(shim_task, what_create_refuses)
{
	program("exit 0");
	Task__CreateTaskRequest r = TASK__CREATE_TASK_REQUEST__INIT;
	Types__Mount mount = TYPES__MOUNT__INIT, *mounts[100];
	static char *options[600];
	r.id = (char *)"../c";
	r.bundle = dir;
	r.stdout = stdout_path;
	expect_code(answer(request("Create", &r.base)), TTRPC_INVALID_ARGUMENT,
		    "invalid container");
	r.id = (char *)"c";
	r.bundle = (char *)"bundle";
	expect_code(answer(request("Create", &r.base)), TTRPC_INVALID_ARGUMENT, "absolute path");
	r.bundle = dir;
	r.checkpoint = (char *)"/checkpoint";
	expect_code(answer(request("Create", &r.base)), TTRPC_INVALID_ARGUMENT, "checkpoint");
	r.checkpoint = (char *)"";
	for (size_t i = 0; i < sizeof(mounts) / sizeof(*mounts); i++)
		mounts[i] = &mount;
	r.rootfs = mounts;
	r.n_rootfs = sizeof(mounts) / sizeof(*mounts);
	expect_code(answer(request("Create", &r.base)), TTRPC_INVALID_ARGUMENT, "too many mounts");
	for (size_t i = 0; i < sizeof(options) / sizeof(*options); i++)
		options[i] = (char *)"ro";
	mount.options = options;
	mount.n_options = sizeof(options) / sizeof(*options);
	r.n_rootfs = 1;
	expect_code(answer(request("Create", &r.base)), TTRPC_INVALID_ARGUMENT, "too many mounts");
	mount.n_options = 0;
	mount.type = (char *)"none-such";
	mount.source = (char *)"none";
	const struct answer *a = answer(request("Create", &r.base));
	cr_expect(a->code != 0 && strstr(a->text, "none-such"), "code %d: %s", a->code, a->text);
	shim.ending = true;
	r.n_rootfs = 0;
	expect_code(answer(request("Create", &r.base)), TTRPC_UNAVAILABLE, "about to end");
	shim.ending = false;
}

/* Options of a runtime's configuration are not an error, and have no effect. */
Test(shim_task, options_of_others)
{
	Bootstrap__Options o = BOOTSTRAP__OPTIONS__INIT;
	Types__Any any = TYPES__ANY__INIT;
	uint8_t packed[64];
	program("exit 3");
	o.config_path = (char *)"/etc/none";
	any.type_url = (char *)"runtimeoptions.v1.Options";
	any.value.data = packed;
	any.value.len = bootstrap__options__pack(&o, packed);
	Task__CreateTaskRequest r = TASK__CREATE_TASK_REQUEST__INIT;
	r.id = (char *)"c";
	r.bundle = dir;
	r.stdout = stdout_path;
	r.options = &any;
	expect_code(answer(request("Create", &r.base)), 0, "");
	Task__ResizePtyRequest size = TASK__RESIZE_PTY_REQUEST__INIT;
	size.id = (char *)"c";
	size.width = 80;
	size.height = 25;
	expect_code(answer(request("ResizePty", &size.base)), 0, ""); /* it has no terminal */
	Task__CloseIORequest close_io = TASK__CLOSE_IOREQUEST__INIT;
	close_io.id = (char *)"c";
	close_io.stdin = true;
	expect_code(answer(request("CloseIO", &close_io.base)), 0, "");
	expect_code(ask("Start", ""), 0, "");
	cr_expect(exit_status(ask("Wait", "")) == 3);
	expect_code(answer(request("ResizePty", &size.base)), 0, "");
	cr_expect(ask("Delete", "")->code == 0);
	expect_code(answer(request("ResizePty", &size.base)), TTRPC_NOT_FOUND, "not found");
	expect_code(answer(request("CloseIO", &close_io.base)), TTRPC_NOT_FOUND, "not found");
}
