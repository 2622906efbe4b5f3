/** Proves that a call comes from another Octavo process. Stripped by the gateway from what comes from outside. */
export const internalHeader = 'x-octavo-secret'
/** The staff session's cookie. */
export const sessionCookie = 'octavo_session'
