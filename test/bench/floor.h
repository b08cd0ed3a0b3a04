/* SPDX-License-Identifier: Apache-2.0 */
/* The floor: what the bare KVM calls cost, with nothing of Mote in between. */
#ifndef MOTE_TEST_BENCH_FLOOR_H
#define MOTE_TEST_BENCH_FLOOR_H

/*
 * From nothing to the first exit of a VM with 64 MiB, in microseconds; torn down untimed. Exits the
 * process on failure.
 */
double floor_cold_start_us(int kvm_fd);
/* One exit by `out` at CPL 3 and back, mean over `rounds`, in microseconds. */
double floor_exit_us(int kvm_fd, unsigned rounds);
/*
 * Restoring: all memory dropped (MADV_DONTNEED), the registers set, run to the exit; nothing is
 * written by the guest. One VM between begin and end.
 */
void floor_restore_begin(int kvm_fd);
double floor_restore_us(void);
void floor_restore_end(void);

#endif
