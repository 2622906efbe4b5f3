import { createHash } from 'node:crypto'
import { version } from '#config'

export type Component = {
  kind: 'npm' | 'deb'
  name: string
  version: string
  license?: string
  integrity?: string
}

/**
 * What an image is made of, as CycloneDX 1.6 (ECMA-424). The same components give the same bytes.
 * @returns JSON
 */
export function sbom(packages: readonly Component[], libraries: readonly Component[]): string {
  const all = [
    ...packages,
    ...libraries,
    { kind: 'npm' as const, name: 'node', version: process.versions.node },
  ]
  const byUrl = new Map(all.map((each) => [packageUrl(each), each]))
  const components = [...byUrl]
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([purl, each]) => component(purl, each))
  const serial = createHash('sha256').update(JSON.stringify(components)).digest('hex')
  return JSON.stringify(
    {
      bomFormat: 'CycloneDX',
      specVersion: '1.6',
      serialNumber: `urn:uuid:${serial.slice(0, 8)}-${serial.slice(8, 12)}-5${serial.slice(13, 16)}-8${serial.slice(17, 20)}-${serial.slice(20, 32)}`,
      version: 1,
      metadata: { component: { type: 'application', name: 'octavo', version, 'bom-ref': 'octavo' } },
      components,
    },
    null,
    1,
  )
}

function packageUrl({ kind, name, version }: Component): string {
  const path = name.startsWith('@') ? `%40${name.slice(1)}` : name
  return kind === 'deb'
    ? `pkg:deb/debian/${name}@${encodeURIComponent(version)}`
    : `pkg:npm/${path}@${version}`
}

function component(purl: string, { name, version, license, integrity }: Component): object {
  const [algorithm, digest] = integrity?.split('-', 2) ?? []
  return {
    ...{ type: 'library', 'bom-ref': purl, name, version, purl },
    ...(license !== undefined && { licenses: [{ expression: license }] }),
    ...(algorithm === 'sha512' &&
      digest !== undefined && {
        hashes: [{ alg: 'SHA-512', content: Buffer.from(digest, 'base64').toString('hex') }],
      }),
  }
}
