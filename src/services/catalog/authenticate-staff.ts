import type { ServiceClient, StaffMember } from '#ports/http'
import { introspectSession } from '#services/orders'

const deadlineMs = 2_000

/** Sessions live in OrderDb: orders says whose a token is. @throws Problem 503 when orders is away */
export async function authenticateStaff(
  client: ServiceClient,
  token: string,
): Promise<StaffMember | undefined> {
  const { member } = await client.call('orders', introspectSession, { body: { token }, deadlineMs })
  return member ?? undefined
}
