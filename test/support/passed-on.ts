import { callHeader, callSigner } from '#ports/http'

/** What the gateway adds to a reader's request: with it a service answers a test that asks it directly. */
export const passedOn = (secret: string): Record<string, string> => ({
  [callHeader]: callSigner(secret).pass(),
})

/** `fetch` as the gateway would ask a service. */
export const fetchAsGateway =
  (secret: string) =>
  (url: string | URL, init: RequestInit = {}): Promise<Response> =>
    fetch(url, { ...init, headers: { ...passedOn(secret), ...(init.headers as Record<string, string>) } })
