import { execFileSync } from 'node:child_process'
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'

export type Certificate = { certPath: string; keyPath: string; cert: string; key: string }
export type Authority = Certificate & {
  /**
   * @param subject such as `/O=system:masters/CN=admin`
   * @param names such as `IP:127.0.0.1,DNS:localhost`
   */
  issue(name: string, subject: string, names?: string): Certificate
}

/** A test cluster lives for hours; this leaves room for one that is looked at for days. */
const days = 30
const curve = 'prime256v1'

/** A certificate authority in a folder of its own, made at first use by openssl. */
export function openAuthority(folder: string, commonName: string): Authority {
  mkdirSync(folder, { recursive: true, mode: 0o700 })
  const at = (file: string) => join(folder, file)
  const openssl = (...args: string[]) => execFileSync('openssl', args, { cwd: folder, stdio: 'pipe' })
  const makeKey = (name: string) =>
    openssl('ecparam', '-name', curve, '-genkey', '-noout', '-out', `${name}.key`)
  const read = (name: string): Certificate => ({
    certPath: at(`${name}.crt`),
    keyPath: at(`${name}.key`),
    cert: readFileSync(at(`${name}.crt`), 'utf8'),
    key: readFileSync(at(`${name}.key`), 'utf8'),
  })
  if (!existsSync(at('ca.crt'))) {
    makeKey('ca')
    openssl(
      ...['req', '-x509', '-new', '-key', 'ca.key', '-subj', `/CN=${commonName}`, '-days', `${days}`],
      ...['-addext', 'basicConstraints=critical,CA:TRUE', '-out', 'ca.crt'],
      ...['-addext', 'keyUsage=critical,digitalSignature,keyCertSign,cRLSign'],
    )
  }
  return {
    ...read('ca'),
    issue(name, subject, names) {
      if (existsSync(at(`${name}.crt`))) return read(name)
      makeKey(name)
      openssl('req', '-new', '-key', `${name}.key`, '-subj', subject, '-out', `${name}.csr`)
      const uses = 'keyUsage=critical,digitalSignature\nextendedKeyUsage=clientAuth,serverAuth\n'
      writeFileSync(at(`${name}.ext`), uses + (names === undefined ? '' : `subjectAltName=${names}\n`))
      openssl(
        ...['x509', '-req', '-in', `${name}.csr`, '-CA', 'ca.crt', '-CAkey', 'ca.key', '-CAcreateserial'],
        ...['-days', `${days}`, '-extfile', `${name}.ext`, '-out', `${name}.crt`],
      )
      return read(name)
    },
  }
}

/** A pair of keys with which tokens are signed; the paths of the private and the public one. */
export function makeTokenKeys(folder: string): { privatePath: string; publicPath: string } {
  const paths = { privatePath: join(folder, 'sa.key'), publicPath: join(folder, 'sa.pub') }
  if (!existsSync(paths.publicPath)) {
    execFileSync('openssl', ['genrsa', '-out', paths.privatePath, '2048'], { stdio: 'pipe' })
    execFileSync('openssl', ['rsa', '-in', paths.privatePath, '-pubout', '-out', paths.publicPath], {
      stdio: 'pipe',
    })
  }
  return paths
}
