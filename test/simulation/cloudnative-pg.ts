import type { SeenCopy } from '../../src/services/fleet/decisions/topology.ts'

type Said = Pick<SeenCopy, 'telling' | 'home' | 'isUnsettled'>
const unsaid: Said = { telling: 0, home: '', isUnsettled: false }
type Replica = { primary: string; source: string; token: string }
/** What its webhook wants of a token. Source: `PgControldataTokenContent` in `pkg/utils/parser.go`. */
type Token = {
  latestCheckpointTimelineID: string
  redoWalFile: string
  databaseSystemIdentifier: string
  latestCheckpointREDOLocation: string
  timeOfLatestCheckpoint: string
  operatorVersion: string
}

const systemId = '7500000000000000001'
const locationOf = (lsn: number) => `0/${lsn.toString(16).toUpperCase()}`
const lsnOf = (location: string) => Number.parseInt(location.slice(2), 16)

/**
 * A Cluster of CloudNativePG with one instance: what its operator, its instance manager and its webhook do with
 * `spec.replica`. Source: CloudNativePG 1.30, `pkg/reconciler/replicaclusterswitch`, `pkg/promotiontoken`,
 * `internal/management/controller/instance_controller.go`, `internal/webhook/v1/cluster_webhook.go`.
 */
export class Copy {
  readonly self: string
  replica: Replica
  /** Entries of its log; a log sequence number is how many there are. */
  log: number[] = []
  timeline = 1
  /** Where each timeline began. */
  begins: number[] = [0, 0]
  role: 'primary' | 'standby' | 'stopped'
  operatorAwayUntil = 0
  /** Entries that it receives in one look, at most. */
  receivesMax = 3
  #demotionToken = ''
  #taken = ''
  #uid = 1
  #isUnrecoverable = false
  /** What it has heard last. */
  #said: Said = unsaid
  #made = 0
  /** Told by primaries alone. */
  #shownTimeline = 0

  constructor(self: string, primary: string) {
    this.self = self
    this.replica = { primary, source: primary === self ? 'other' : primary, token: '' }
    this.role = primary === self ? 'primary' : 'standby'
  }

  get #isReplica(): boolean {
    return this.replica.primary !== this.self
  }

  /**
   * Server-side apply, through the webhook: what it refuses is tried again. An earlier telling than the last is refused by the
   * policy of deploy/fleet/databases.yaml.
   */
  apply(replica: Replica, said: Said, hasPolicy = true): void {
    if (hasPolicy && said.telling < this.#said.telling) return
    const isReplica = replica.primary !== this.self
    if (isReplica !== this.#isReplica && this.role === 'stopped') return
    if (isReplica && replica.token !== '') return
    this.replica = replica
    this.#said = said
  }

  live(tick: number, random: () => number, source: (name: string) => Copy | undefined): void {
    if (tick >= this.operatorAwayUntil && random() < 0.5) this.#operate()
    if (random() < 0.5) this.#manage()
    if (this.role === 'standby') this.#receive(random, source(this.replica.source))
  }

  /** The operator: demotes in two steps, and forgets tokens that mean nothing any more. */
  #operate(): void {
    if (this.role === 'primary') this.#shownTimeline = this.timeline
    if (this.replica.token === '') this.#taken = ''
    if (!this.#isReplica) {
      this.#demotionToken = ''
      return
    }
    if (this.role === 'primary') this.role = 'stopped'
    else if (this.role === 'stopped') {
      this.#made++
      this.#demotionToken = this.tokenNow()
      this.role = 'standby'
    }
  }

  /** The instance manager: promotes what should be the primary, once it has all that the token tells of. */
  #manage(): void {
    if (this.#isReplica || this.role === 'stopped' || this.#isUnrecoverable) return
    const { token } = this.replica
    if (this.role === 'standby') {
      // A token that was taken already is not looked at again.
      const verdict = token === '' || token === this.#taken ? 'good' : this.#verify(token)
      if (verdict === 'never') this.#isUnrecoverable = true
      if (verdict !== 'good') return
      this.role = 'primary'
      this.timeline++
      this.begins[this.timeline] = this.log.length
    }
    this.#taken = token
  }

  #verify(text: string): 'good' | 'wait' | 'never' {
    const token = JSON.parse(Buffer.from(text, 'base64').toString()) as Token
    const timeline = Number(token.latestCheckpointTimelineID)
    const lsn = lsnOf(token.latestCheckpointREDOLocation)
    if (timeline !== this.timeline) return timeline > this.timeline ? 'wait' : 'never'
    if (lsn === this.log.length) return 'good'
    return lsn > this.log.length ? 'wait' : 'never'
  }

  /** Streams what the source has, as long as that is a continuation of its own. */
  #receive(random: () => number, source: Copy | undefined): void {
    if (source === undefined || source.role === 'stopped') return
    const isBehind = source.timeline > this.timeline || source.log.length > this.log.length
    const branch = source.begins[this.timeline + 1] ?? Number.POSITIVE_INFINITY
    const isPrefix = this.log.every((id, i) => source.log[i] === id)
    if (source.timeline >= this.timeline && isPrefix && this.log.length <= branch) {
      if (!isBehind) return
      const end = Math.min(
        source.log.length,
        branch,
        this.log.length + Math.floor(random() * (this.receivesMax + 1)),
      )
      this.log = source.log.slice(0, end)
      if (source.timeline > this.timeline && this.log.length === branch) {
        this.timeline++
        this.begins[this.timeline] = branch
      }
      return
    }
  }

  /** Its owner deletes it, and makes it from the primary. */
  makeAnew(from: Copy): void {
    this.replica = { primary: from.self, source: from.self, token: '' }
    this.log = [...from.log]
    this.timeline = from.timeline
    this.begins = [...from.begins]
    this.role = 'standby'
    this.#uid++
    this.#said = unsaid
    this.#shownTimeline = 0
    this.#demotionToken = this.#taken = ''
    this.#isUnrecoverable = false
  }

  tokenNow(): string {
    const token: Token = {
      latestCheckpointTimelineID: String(this.timeline),
      redoWalFile: `${String(this.timeline).padStart(8, '0')}${'0'.repeat(15)}1`,
      databaseSystemIdentifier: systemId,
      latestCheckpointREDOLocation: locationOf(this.log.length),
      timeOfLatestCheckpoint: `look ${this.#made}`,
      operatorVersion: '1.30.0',
    }
    return Buffer.from(JSON.stringify(token)).toString('base64')
  }

  shown(): SeenCopy {
    const { primary, token } = this.replica
    return {
      ...{ primary, given: token, demotionToken: this.#demotionToken, taken: this.#taken },
      ...{ uid: `${this.self} ${this.#uid}`, timeline: this.#shownTimeline, system: systemId },
      ...this.#said,
      ready: this.role === 'stopped' || this.#isUnrecoverable ? 0 : 1,
      phase: this.#isUnrecoverable
        ? 'Cluster is in an unrecoverable state, needs manual intervention'
        : 'healthy',
    }
  }
}
