/** Who is there. Its clients are a port's adapter, so the kernel has what is said between them. */
export { endLease, InstanceSchema, leaseMs, listInstances, renewEveryMs, renewLease } from '#kernel/registry'
