import { isIP } from 'node:net'
import type { KubernetesApi, Metadata } from '#ports/kubernetes'
import type { Caches } from './caches.ts'

type Endpoint = { dnsName: string; recordType: 'A' | 'AAAA' | 'CNAME'; recordTTL: number; targets: string[] }
type DnsEndpoint = { metadata: Metadata; spec?: { endpoints?: Endpoint[] } }

const dnsApi = '/apis/externaldns.k8s.io/v1alpha1'

/**
 * Has external-dns keep the shop's name at these addresses: IPv4, IPv6, or one name of somebody else's.
 * Source: external-dns, "CRD Source" (DNSEndpoint).
 * @throws KubernetesError, where external-dns is not there too
 */
export async function nameEdges(
  { api, caches, fleet, namespace }: { api: KubernetesApi; caches: Caches; fleet: string; namespace: string },
  targets: readonly string[],
): Promise<void> {
  const dns = caches.fleet()?.spec.dns
  if (dns === undefined) return
  const endpoints = endpointsOf(dns.name, dns.ttlSeconds ?? 30, targets)
  const path = `${dnsApi}/namespaces/${namespace}/dnsendpoints`
  const name = `octavo-${fleet}`
  const before = await api.get<DnsEndpoint>(`${path}/${name}`)
  const body = { apiVersion: 'externaldns.k8s.io/v1alpha1', kind: 'DNSEndpoint', spec: { endpoints } }
  if (before === undefined) await api.send('POST', path, { ...body, metadata: { name } })
  else if (JSON.stringify(before.spec?.endpoints) !== JSON.stringify(endpoints))
    await api.send('PUT', `${path}/${name}`, { ...body, metadata: before.metadata })
}

/** One record for each kind of address that there is. A name that is another's has nothing beside it. Source: RFC 1034 section 3.6.2. */
export function endpointsOf(dnsName: string, recordTTL: number, targets: readonly string[]): Endpoint[] {
  const of = (recordType: Endpoint['recordType'], some: string[]): Endpoint[] =>
    some.length === 0 ? [] : [{ dnsName, recordType, recordTTL, targets: some }]
  const addresses = [
    ...of(
      'A',
      targets.filter((each) => isIP(each) === 4),
    ),
    ...of(
      'AAAA',
      targets.filter((each) => isIP(each) === 6),
    ),
  ]
  const [name] = targets.filter((each) => isIP(each) === 0)
  return addresses.length > 0 || name === undefined ? addresses : of('CNAME', [name])
}
