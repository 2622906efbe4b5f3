import { approvalsNeeded, approversIn } from '#kernel/fleet-approvals'
import type { Action, CertificateRequest, ClusterMemory, ClusterSpec, SeenCluster } from './model.ts'

/** Who signs what registration agents ask for. */
export const agentSigner = 'kubernetes.io/kube-apiserver-client'
const bootstrapGroupless = 'system:open-cluster-management:'
/** Agents renew themselves long before; a certificate that lives longer outlives its revocation for longer. */
export const certificateSecondsMax = 24 * 3_600
const keyTypes = ['ec', 'ed25519']

export type Admission = { actions: Action[]; key: string }

/**
 * Decides on a cluster's way in: its certificate requests one by one and by name, and its acceptance. Whoever is not
 * named in the fleet, or is named by too few people, waits for ever.
 */
export function admit(spec: ClusterSpec, seen: SeenCluster, memory: ClusterMemory): Admission {
  const missing = missingApproval(spec)
  let key = spec.key || memory.key
  const actions: Action[] = []
  for (const request of seen.requests) {
    const why = missing ?? faultOf(request, spec.name, key, memory.revokedKeys)
    if (why !== undefined) {
      // What only waits for a second person is not refused: he may still come.
      if (missing === undefined) actions.push({ kind: 'deny', request: request.name, why })
      continue
    }
    key ||= request.key
    actions.push({ kind: 'approve', request: request.name, cluster: spec.name })
  }
  if (seen.registration === 'waiting' && missing === undefined && key !== '')
    actions.push({ kind: 'accept', cluster: spec.name })
  return { actions, key }
}

export function missingApproval({ approvedBy, isProduction, name }: ClusterSpec): string | undefined {
  const people = approversIn(approvedBy).size
  const needed = approvalsNeeded(isProduction)
  return people >= needed ? undefined : `${name} is approved by ${people} of ${needed} people`
}

/**
 * What is wrong with a request for a cluster's certificate. An agent's name is `system:open-cluster-management:CLUSTER:AGENT`,
 * and the groups it asks for are what its rights are bound to: one more of them would be another cluster's rights.
 */
export function faultOf(
  request: CertificateRequest,
  cluster: string,
  key: string,
  revokedKeys: readonly string[],
): string | undefined {
  const own = `${bootstrapGroupless}${cluster}`
  const groups = [own, 'system:open-cluster-management:managed-clusters']
  const asked = [...request.organisations].sort()
  if (request.signer !== agentSigner) return `it is for another signer, ${request.signer}`
  if (!new RegExp(`^${own}:[a-z0-9-]+$`).test(request.commonName))
    return `its common name ${request.commonName} is not of ${cluster}`
  if (![[own], groups].some((allowed) => [...allowed].sort().join() === asked.join()))
    return `it asks for the groups ${asked.join(', ') || 'of nobody'}`
  if (!keyTypes.includes(request.keyType)) return `its key is ${request.keyType}, not of an elliptic curve`
  if (revokedKeys.includes(request.key)) return 'its key was revoked'
  if (key !== '' && request.key !== key && request.requester !== request.commonName)
    return 'its key is not the one that the cluster came with first'
  if (request.seconds !== undefined && request.seconds > certificateSecondsMax)
    return `it would be valid for ${request.seconds} s`
  return undefined
}
