import { anyone, defineRoute, staff } from '#kernel/contract'
import { closed, Page, Timestamp, Uuid } from '#kernel/schemas'
import { type Static, Type } from '#kernel/type'

export const Session = Type.Object(
  {
    email: Type.String(),
    roles: Type.Array(Type.String()),
    secondFactor: Type.Boolean({ description: 'whether a log-in asks for a code besides the password' }),
  },
  { $id: 'Session' },
)
const Code = (description: string) => Type.String({ maxLength: 40, description })

export const logIn = defineRoute({
  method: 'POST',
  path: '/api/session',
  tag: 'Staff',
  access: anyone,
  body: Type.Object(
    {
      email: Type.String({ maxLength: 254 }),
      password: Type.String({ maxLength: 1000 }),
      code: Type.Optional(Code('where the account asks for one: of its app, or one on paper')),
    },
    closed,
  ),
  reply: Type.Object({ token: Type.String() }),
  summary: 'Log in: a cookie for browsers, or a token with `Accept: application/json`',
  also: {
    204: 'Logged in; the session is in the cookie.',
    401: 'Wrong email or password; `code-required` and `wrong-code` say that the password is right.',
    429: 'Too many attempts.',
  },
})
export const getSession = defineRoute({
  method: 'GET',
  path: '/api/session',
  tag: 'Staff',
  access: staff('bookseller', 'manager', 'operator'),
  reply: Session,
  summary: 'Who is logged in',
})
export const logOut = defineRoute({
  method: 'DELETE',
  path: '/api/session',
  tag: 'Staff',
  access: anyone,
  status: 204,
  summary: 'Log out',
})

export const changePassword = defineRoute({
  method: 'PUT',
  path: '/api/session/password',
  tag: 'Staff',
  access: staff('bookseller', 'manager', 'operator'),
  body: Type.Object(
    {
      current: Type.String({ maxLength: 1000, description: 'the password that is to go' }),
      password: Type.String({
        maxLength: 1000,
        description: '12 characters or more, and none of the common ones',
      }),
    },
    closed,
  ),
  status: 204,
  summary: "Give oneself another password; one's other sessions end",
  also: { 429: 'Too many attempts.' },
})

export const offerSecondFactor = defineRoute({
  method: 'POST',
  path: '/api/session/second-factor',
  tag: 'Staff',
  access: staff('bookseller', 'manager', 'operator'),
  body: Type.Object(
    {
      password: Type.String({ maxLength: 1000 }),
      code: Type.Optional(Code('of the second factor that one has, if there is one')),
    },
    closed,
  ),
  reply: Type.Object(
    {
      secret: Type.String({ description: 'to type into an authenticator app, in base32' }),
      uri: Type.String({ description: 'the same for a QR code: `otpauth://totp/…`' }),
    },
    { $id: 'OfferedSecondFactor' },
  ),
  summary: 'Be offered a second factor; it asks nobody until it is confirmed',
  also: { 429: 'Too many attempts.' },
})
export const confirmSecondFactor = defineRoute({
  method: 'PUT',
  path: '/api/session/second-factor',
  tag: 'Staff',
  access: staff('bookseller', 'manager', 'operator'),
  body: Type.Object({ code: Code('of the offered one, six digits') }, closed),
  reply: Type.Object(
    {
      paperCodes: Type.Array(Type.String(), {
        description: 'each good for one log-in without the app; shown once',
      }),
    },
    { $id: 'ConfirmedSecondFactor' },
  ),
  summary: "Take the offered second factor; one's other sessions end",
})

export const SessionSummary = Type.Object(
  {
    id: Uuid,
    createdAt: Timestamp,
    usedAt: Timestamp,
    expiresAt: Timestamp,
    program: Type.String({ description: 'what logged in, as it calls itself' }),
    isCurrent: Type.Boolean(),
  },
  { $id: 'SessionSummary' },
)
export type SessionSummary = Static<typeof SessionSummary>
export const listSessions = defineRoute({
  method: 'GET',
  path: '/api/sessions',
  tag: 'Staff',
  access: staff('bookseller', 'manager', 'operator'),
  reply: Type.Object(Page(SessionSummary), { $id: 'SessionList' }),
  summary: "List one's own open sessions",
})
export const endSessions = defineRoute({
  method: 'DELETE',
  path: '/api/sessions',
  tag: 'Staff',
  access: staff('bookseller', 'manager', 'operator'),
  status: 204,
  summary: "End all of one's own sessions, this one too",
})
export const endSession = defineRoute({
  method: 'DELETE',
  path: '/api/sessions/{id}',
  tag: 'Staff',
  access: staff('bookseller', 'manager', 'operator'),
  params: Type.Object({ id: Uuid }, closed),
  status: 204,
  summary: "End one of one's own sessions",
})
