import { readFileSync } from 'node:fs'
import type { Server } from 'node:https'
import { createSecureContext } from 'node:tls'
import { ConfigError } from '#config'
import { logger } from '#ports/log'

/** Paths of a certificate chain and its key (PEM). */
export type TlsFiles = { certificate: string; key: string }

const log = logger('tls')
/** A certificate is renewed weeks before its end. */
const lookEveryMs = 10_000

/** @throws ConfigError for files that cannot be read, or do not belong together */
export function readCertificate({ certificate, key }: TlsFiles): {
  cert: Buffer
  key: Buffer
  minVersion: 'TLSv1.2'
} {
  try {
    const pair = { cert: readFileSync(certificate), key: readFileSync(key), minVersion: 'TLSv1.2' as const }
    createSecureContext(pair)
    return pair
  } catch (error) {
    throw new ConfigError(`OCTAVO_TLS_CERT and OCTAVO_TLS_KEY: ${(error as Error).message}`, { cause: error })
  }
}

/** Takes a renewed certificate without a restart; one that cannot be used leaves the last one in place. */
export function keepCertificateFresh(server: Server, files: TlsFiles, everyMs = lookEveryMs): Disposable {
  let current = readCertificate(files)
  let complained = false
  const looking = setInterval(() => {
    try {
      const found = readCertificate(files)
      complained = false
      if (found.cert.equals(current.cert) && found.key.equals(current.key)) return
      server.setSecureContext(found)
      current = found
      log.info('the certificate was renewed')
    } catch (error) {
      if (!complained) log.error('the new certificate cannot be used; the last one stays', { error })
      complained = true
    }
  }, everyMs)
  looking.unref()
  return { [Symbol.dispose]: () => clearInterval(looking) }
}
