import { QueueState } from '#kernel/queue-state'
import { Nullable, Timestamp } from '#kernel/schemas'
import { type Static, Type } from '#kernel/type'
import { SagaState } from '#services/orders'

const circuits = ['closed', 'open', 'probing', 'returning'] as const
const Circuit = Type.Enum(circuits)
const Reasons = Type.Record(Type.String(), Type.Integer())

/** How the store does, as one gateway sees it. */
export const System = Type.Object(
  {
    asOf: Timestamp,
    gateway: Type.Object({
      version: Type.String(),
      startedAt: Timestamp,
      openRequests: Type.Integer(),
      openStreams: Type.Integer(),
      memoryBytes: Type.Integer(),
    }),
    alerts: Type.Object({
      from: Type.Enum(['alertmanager', 'own'] as const, {
        description: "`own`: by the roles' numbers, where no Alertmanager answers",
      }),
      firing: Type.Array(
        Type.Object({
          name: Type.String(),
          severity: Type.Enum(['page', 'ticket'] as const),
          summary: Type.String(),
          runbook: Nullable(Type.String({ description: 'what to do: a file of this project, or a URL' })),
          since: Timestamp,
        }),
      ),
    }),
    instances: Type.Array(
      Type.Object({
        service: Type.String(),
        id: Type.String(),
        version: Type.String(),
        circuit: Circuit,
        reason: Nullable(Type.String({ description: 'why the circuit was opened' })),
        outstanding: Type.Integer(),
        averageMs: Type.Number({ description: 'until an answer begins' }),
        reroutes: Reasons,
        trips: Reasons,
      }),
    ),
    routes: Type.Array(Type.Object({ method: Type.String(), route: Type.String(), circuit: Circuit }), {
      description: 'routes whose circuit is not closed',
    }),
    retryBudgets: Type.Array(Type.Object({ service: Type.String(), left: Type.Integer() })),
    refused: Reasons,
    work: Type.Object(
      {
        inDoubt: Nullable(Type.Integer({ description: 'transactions that are prepared and not decided' })),
        sagas: Nullable(Type.Integer({ description: 'sagas at work' })),
        undoing: Nullable(Type.Integer({ description: 'sagas that take back what they did' })),
        oldestSagaSeconds: Nullable(Type.Integer()),
        newsWaiting: Nullable(Type.Integer({ description: 'messages that are not carried off yet' })),
        vouchersWaiting: Nullable(Type.Integer({ description: 'vouchers that wait to be drawn' })),
      },
      { description: 'null where the service that knows is away' },
    ),
    databases: Type.Array(
      Type.Object({
        name: Type.String({ examples: ['book-db', 'order-db'] }),
        timeline: Nullable(Type.Integer({ description: 'counts the primaries there have been' })),
        lastFailoverAt: Nullable(Timestamp),
        servers: Type.Array(
          Type.Object({
            server: Type.String(),
            state: Type.Enum(['primary', 'replica', 'away']),
            lagSeconds: Nullable(Type.Number({ description: 'how old what it shows is' })),
            lagBytes: Nullable(Type.Integer()),
          }),
        ),
        archive: Nullable(
          Type.Object({
            reachesTo: Nullable(
              Type.String({
                description: 'the newest moment that can be restored; null while there is none',
              }),
            ),
            baseAt: Nullable(Timestamp),
            problem: Nullable(Type.String({ description: 'why it is not kept just now' })),
          }),
        ),
      }),
      { description: 'those whose service answers' },
    ),
    transactions: Type.Array(Type.Object({ id: Type.String(), ageSeconds: Type.Integer() }), {
      description: 'the oldest transactions that are prepared and not decided',
    }),
    sagas: Type.Array(SagaState, { description: 'the sagas at work that have not got on for longest' }),
    queues: Type.Array(QueueState, { description: 'of the services that answer' }),
    history: Type.Array(
      Type.Object({
        at: Timestamp,
        requestsPerSecond: Type.Number(),
        faultsPerSecond: Type.Number({ description: 'answers of 500 and more' }),
        averageMs: Type.Number(),
        reroutes: Type.Integer(),
        openCircuits: Type.Integer(),
      }),
      { description: 'the last hour' },
    ),
  },
  { $id: 'System' },
)
export type System = Static<typeof System>
