import { chmodSync, chownSync, copyFileSync, existsSync, mkdirSync, readFileSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { logger } from '#ports/log'
import { findPostgres } from '../postgres-binaries.ts'

/** How a database server proves to others who it is, and they to each other. */
export type ServerTls = {
  /** The server's own settings. */
  readonly settings: Readonly<Record<string, string>>
  /** For the connection of a replica, as libpq names them. */
  readonly conninfo: Readonly<Record<string, string>>
  /** For a client of this process. */
  client(): { ca: Buffer; checkServerIdentity: () => undefined } | undefined
  /** Another one once the certificate has been renewed. */
  mark(): string
  /** Copies the files to where the server's user may read them. @throws Error when one of them has never been there */
  install(): void
}

const log = logger('keeper')
/** As cert-manager and `kubernetes.io/tls` name them. */
const files = { ssl_cert_file: 'tls.crt', ssl_key_file: 'tls.key', sslrootcert: 'ca.crt' } as const

const none: ServerTls = {
  ...{ settings: {}, conninfo: {}, client: () => undefined },
  ...{ mark: () => '', install() {} },
}

/**
 * @param folder with tls.crt, tls.key and ca.crt, the authority of these servers alone; undefined where they go without
 * @param to where the server's own copies are
 */
export function serverTls(folder: string | undefined, to: string): ServerTls {
  if (folder === undefined) return none
  const own = (file: string) => join(to, file)
  let last = ''
  return {
    settings: { ssl: 'on', ssl_cert_file: own(files.ssl_cert_file), ssl_key_file: own(files.ssl_key_file) },
    // Whoever the authority knows is one of the servers; they are reached by addresses, not by names.
    conninfo: { sslmode: 'verify-ca', sslrootcert: own(files.sslrootcert) },
    client: () => ({
      ca: readFileSync(join(folder, files.sslrootcert)),
      checkServerIdentity: () => undefined,
    }),
    mark() {
      try {
        last = Object.values(files)
          .map((file) => statSync(join(folder, file)).mtimeMs)
          .join()
      } catch {
        // Away while it is renewed: the server goes on with its copies.
      }
      return last
    },
    install() {
      mkdirSync(to, { recursive: true, mode: 0o700 })
      const { runAs } = findPostgres()
      if (runAs.kind === 'user') chownSync(to, runAs.uid, runAs.gid)
      for (const file of Object.values(files)) {
        try {
          copyFileSync(join(folder, file), own(file))
        } catch (error) {
          // A move waits for no certificate: that of before is good until its end.
          if (!existsSync(own(file))) throw error
          log.warn('a certificate cannot be read; the last one stays', { file, error })
        }
        chmodSync(own(file), 0o600)
        if (runAs.kind === 'user') chownSync(own(file), runAs.uid, runAs.gid)
      }
    },
  }
}
