import { createHash } from 'node:crypto'
import { policyFor } from '../proxy/own-headers.ts'
import type { StaticFile } from './static-files.ts'

/** What a page may do, as names and values in turn. The till's camera is the only device anything here uses. */
export const pageHeaders: readonly string[] = [
  ...['referrer-policy', 'strict-origin-when-cross-origin'],
  ...['x-frame-options', 'DENY'],
  ...['permissions-policy', 'camera=(self), microphone=(), geolocation=(), payment=(), usb=()'],
  ...['cross-origin-opener-policy', 'same-origin'],
]

const policies = new WeakMap<StaticFile, string>()

/** What a file may load; a page gets a policy that allows exactly the inline scripts and styles it came with. */
export function contentPolicy(file: StaticFile): string {
  if (!file.mediaType.startsWith('text/html')) return policyFor(file.mediaType)
  let policy = policies.get(file)
  if (policy === undefined) {
    policy = pagePolicy(file.bytes.toString())
    policies.set(file, policy)
  }
  return policy
}

const inlineScript = /<script(?![^>]*\ssrc=)[^>]*>([\s\S]*?)<\/script>/gi
const inlineStyle = /<style[^>]*>([\s\S]*?)<\/style>/gi

/** Source: W3C Content Security Policy Level 3. Covers of imported catalogues may live on any https host. */
function pagePolicy(html: string): string {
  return [
    "default-src 'self'",
    ['script-src', "'self'", ...hashesOf(html, inlineScript)].join(' '),
    ['style-src', "'self'", ...hashesOf(html, inlineStyle)].join(' '),
    "img-src 'self' data: blob: https:",
    "font-src 'self' data:",
    "connect-src 'self'",
    "media-src 'self' blob: mediastream:",
    "worker-src 'self' blob:",
    "object-src 'none'",
    "base-uri 'none'",
    "form-action 'self'",
    "frame-ancestors 'none'",
  ].join('; ')
}

function hashesOf(html: string, inline: RegExp): string[] {
  const found = [...html.matchAll(inline)].map(([, code = '']) => code).filter((code) => code.trim() !== '')
  return [...new Set(found.map((code) => `'sha256-${createHash('sha256').update(code).digest('base64')}'`))]
}
