import { z } from '@hono/zod-openapi';
import type { Room } from '../../../ledger-service/platform/http/room.ts';
import { EVENT_TYPES, envelopeOf, eventCatalogue } from '../events/catalogue.ts';

const headers = z.object({
  'webhook-id': z.string().openapi({ description: 'the same each time this event is sent' }),
  'webhook-timestamp': z.string().openapi({ description: 'seconds since 1970, of this attempt' }),
  'webhook-signature': z.string().openapi({
    description: '`v1,` and the HMAC-SHA256 of `id.timestamp.body` in base64; several with a space between',
  }),
});

/** Describes what is sent to endpoints, as OpenAPI's webhooks. */
export function describeWebhooks(app: Room): void {
  for (const type of EVENT_TYPES) {
    const { happens, data } = eventCatalogue[type];
    const schema = envelopeOf(z.literal(type), data);
    app.openAPIRegistry.registerWebhook({
      method: 'post',
      path: type,
      tags: ['webhooks'],
      summary: happens,
      security: [],
      request: { headers, body: { required: true, content: { 'application/json': { schema } } } },
      responses: {
        204: { description: 'taken; any 2xx is' },
        410: { description: 'nothing more is wanted: the endpoint is disabled' },
      },
    });
  }
}
