import { createHash } from 'node:crypto'
import type { StaticFile } from './static-files.ts'

/** What a page may do. The till's camera is the only device anything here uses. */
const fixed: Readonly<Record<string, string>> = {
  'x-content-type-options': 'nosniff',
  'referrer-policy': 'strict-origin-when-cross-origin',
  'x-frame-options': 'DENY',
  'permissions-policy': 'camera=(self), microphone=(), geolocation=(), payment=(), usb=()',
  'cross-origin-opener-policy': 'same-origin',
}

const policies = new WeakMap<StaticFile, string>()

/** Security headers for a static file; a page gets a policy that allows exactly the inline scripts it came with. */
export function securityHeaders(file: StaticFile, isHttps: boolean): Record<string, string> {
  const headers: Record<string, string> = { ...fixed }
  if (isHttps) headers['strict-transport-security'] = 'max-age=31536000'
  if (!file.mediaType.startsWith('text/html')) return headers
  let policy = policies.get(file)
  if (policy === undefined) {
    policy = contentPolicy(file.bytes.toString())
    policies.set(file, policy)
  }
  headers['content-security-policy'] = policy
  return headers
}

/** Source: W3C Content Security Policy Level 3. Covers of imported catalogues may live on any https host. */
function contentPolicy(html: string): string {
  const scripts = [...html.matchAll(/<script(?![^>]*\ssrc=)[^>]*>([\s\S]*?)<\/script>/gi)]
    .map(([, code = '']) => code)
    .filter((code) => code.trim() !== '')
    .map((code) => `'sha256-${createHash('sha256').update(code).digest('base64')}'`)
  return [
    "default-src 'self'",
    ['script-src', "'self'", ...new Set(scripts)].join(' '),
    "style-src 'self' 'unsafe-inline'",
    "img-src 'self' data: blob: https:",
    "font-src 'self' data:",
    "connect-src 'self'",
    "media-src 'self' blob: mediastream:",
    "worker-src 'self' blob:",
    "object-src 'none'",
    "base-uri 'self'",
    "form-action 'self'",
    "frame-ancestors 'none'",
  ].join('; ')
}
