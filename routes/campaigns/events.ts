/** GET /campaigns/{id}/events: what happens in a campaign, as server-sent events. */
import { campaignEvent } from "../../model/campaigns/campaign.ts";
import { followCampaign } from "../../model/service/campaigns/campaigns.ts";
import { endpoint } from "../endpoint.ts";
import { EVENT_STREAM, eventHeaders, eventsAnswer, lastEventId, streamedEvent } from "../event_stream.ts";
import { ACCEPT_PROBLEMS, offers } from "../negotiate.ts";
import { problems } from "../problem.ts";
import { campaignId } from "./schema.ts";

/** As those of jobs. The last event of a campaign that is removed is `removed`. */
export const campaignEvents = endpoint({
  method: "get",
  path: "/campaigns/{id}/events",
  operationId: "campaignEvents",
  summary: "What happens in a campaign, as server-sent events; ends with the campaign",
  scopes: ["campaign", "read"],
  middleware: offers(EVENT_STREAM),
  request: { params: campaignId, headers: eventHeaders },
  responses: {
    200: {
      description: "Events; the schema is that of each",
      content: { [EVENT_STREAM]: { schema: streamedEvent("StreamedCampaignEvent", campaignEvent) } },
    },
    204: { description: "The campaign has ended, and there are no events after Last-Event-ID" },
    ...ACCEPT_PROBLEMS,
    ...problems({ 400: "Last-Event-ID is no id", 404: "Unknown campaign", 409: "Another service runs the campaign" }),
  },
}, ({ campaigns, lifecycle }) => (c) => {
  const { id } = campaigns.store.get(c.req.valid("param").id);
  const after = lastEventId(c.req.valid("header")["Last-Event-ID"]);
  return eventsAnswer(c, lifecycle.signal, (signal) => followCampaign(campaigns, { id, after, signal }, lifecycle));
});
