import { callHeader, callSigner } from '#ports/http'

/** What the gateway adds to a reader's request to a role: with it a service answers a test that asks it directly. */
export const passedOn = (secret: string, role: string): Record<string, string> => ({
  [callHeader]: callSigner(secret).pass(role),
})

/** `fetch` as the gateway would ask a service. */
export const fetchAsGateway =
  (secret: string, role: string) =>
  (url: string | URL, init: RequestInit = {}): Promise<Response> =>
    fetch(url, {
      ...init,
      headers: { ...passedOn(secret, role), ...(init.headers as Record<string, string>) },
    })
