/** POST and GET /campaigns, GET and DELETE /campaigns/{id}, POST /campaigns/{id}/resume. */
import {
  removeCampaign as remove,
  resumeCampaign as resume,
  submitCampaign as submit,
} from "../../model/service/campaigns/campaigns.ts";
import { clientOf } from "../access/guard.ts";
import { BODY_PROBLEMS, readJson } from "../body.ts";
import { endpoint, json } from "../endpoint.ts";
import { CAMPAIGN_REQUESTS } from "../examples.ts";
import { pageQuery } from "../jobs_schema.ts";
import { ACCEPT_PROBLEMS, offers } from "../negotiate.ts";
import { problems, STORAGE_PROBLEMS } from "../problem.ts";
import {
  begun,
  campaignDetail,
  campaignId,
  campaignList,
  campaignPlan,
  campaignRequest,
  describeCampaign,
  describeDetail,
  describePlan,
} from "./schema.ts";

const unknown = problems({ 404: "Unknown campaign" });
const away = problems({ 503: "The server or bucket of shards does not answer; see Retry-After" });

/** POST /campaigns: 202 with the campaign, which `Location` names; 200 with what it would be for `dryRun`. */
export const submitCampaign = endpoint({
  method: "post",
  path: "/campaigns",
  operationId: "submitCampaign",
  summary: "Begin a campaign, which draws until enough molecules pass a filter; or estimate it",
  scopes: ["campaign"],
  request: { body: { required: true, content: json(campaignRequest, CAMPAIGN_REQUESTS) } },
  responses: {
    200: { description: "What it would be, for `dryRun`", content: json(campaignPlan) },
    202: begun("The campaign has begun"),
    ...BODY_PROBLEMS,
    ...problems({
      404: "Unknown model",
      409: "As many campaigns go on as may, or another service has the data directory",
      422: "The request is refused: unknown keys, limits, patterns, steps, or more molecules or disk than may be",
      429: "The client holds its share of the service; see Retry-After",
      503: "The queue is full or the service is shutting down; see Retry-After",
    }),
    ...STORAGE_PROBLEMS,
  },
}, ({ campaigns, config, lifecycle }) => async (c) => {
  const { dryRun, ...order } = await readJson(c, campaignRequest, config.maxBodyBytes);
  const { raw: { signal } } = c.req, client = clientOf(c);
  const { plan, campaign } = await submit(campaigns, order, { dryRun, lifecycle, signal, client });
  if (!campaign) return c.json(describePlan(plan, campaigns.quota), 200);
  return c.json(describeCampaign(campaign), 202, { Location: `/campaigns/${campaign.id}` });
});

/** GET /campaigns */
export const listCampaigns = endpoint({
  method: "get",
  path: "/campaigns",
  operationId: "listCampaigns",
  summary: "The campaigns, newest first",
  scopes: ["campaign", "read"],
  middleware: offers("application/json"),
  request: { query: pageQuery },
  responses: {
    200: { description: "The campaigns", content: json(campaignList) },
    ...ACCEPT_PROBLEMS,
    ...problems({ 422: "No such page" }),
  },
}, ({ campaigns: { store, controller } }) => (c) => {
  const { limit, offset } = c.req.valid("query"), some = store.list(limit, offset);
  return c.json({ campaigns: some.map((one) => describeCampaign(controller.seen(one))), total: store.count }, 200);
});

/** GET /campaigns/{id} */
export const getCampaign = endpoint(
  {
    method: "get",
    path: "/campaigns/{id}",
    operationId: "getCampaign",
    summary: "A campaign, with the shards that could not be drawn",
    scopes: ["campaign", "read"],
    middleware: offers("application/json"),
    request: { params: campaignId },
    responses: {
      200: { description: "The campaign", content: json(campaignDetail) },
      ...ACCEPT_PROBLEMS,
      ...unknown,
      ...away,
    },
  },
  ({ campaigns: { controller, engine } }) => async (c) =>
    c.json(await describeDetail(controller.get(c.req.valid("param").id), engine), 200),
);

/** DELETE /campaigns/{id} */
export const removeCampaign = endpoint({
  method: "delete",
  path: "/campaigns/{id}",
  operationId: "removeCampaign",
  summary: "End a campaign, and remove it with its results",
  scopes: ["campaign"],
  request: { params: campaignId },
  responses: {
    204: { description: "There is nothing of it any more" },
    ...unknown,
    ...problems({ 409: "Another service has the data directory" }),
    ...away,
    ...STORAGE_PROBLEMS,
  },
}, ({ campaigns, lifecycle }) => async (c) => {
  await remove(campaigns, c.req.valid("param").id, lifecycle);
  return c.body(null, 204);
});

/** POST /campaigns/{id}/resume: shards that are dead are offered again. */
export const resumeCampaign = endpoint({
  method: "post",
  path: "/campaigns/{id}/resume",
  operationId: "resumeCampaign",
  summary: "Go on with a campaign that failed",
  scopes: ["campaign"],
  request: { params: campaignId },
  responses: {
    202: begun("The campaign goes on"),
    ...unknown,
    ...problems({
      409: "The campaign is in another state, as many go on as may, or another service has the data directory",
      503: "The service is shutting down, or the server or bucket of shards does not answer",
    }),
    ...STORAGE_PROBLEMS,
  },
}, ({ campaigns, lifecycle }) => async (c) => {
  const campaign = await resume(campaigns, c.req.valid("param").id, lifecycle);
  return c.json(describeCampaign(campaign), 202, { Location: `/campaigns/${campaign.id}` });
});
