/** Addresses of buckets: light, as the launcher reads them. */

/** Variables that say who asks, and where buckets are where that is not Amazon's: as Amazon's own tools have them. */
export const BUCKET_VARIABLES = [
  ...["AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "AWS_REGION", "AWS_ENDPOINT_URL"] as const,
];

/** {@link BUCKET_VARIABLES} that are set. */
export type BucketEnvironment = { readonly [name in typeof BUCKET_VARIABLES[number]]?: string };

/** What a bucket is reached by. */
export interface BucketPlace {
  /** Of the bucket, without a slash at its end. */
  readonly url: string;
  /** What objects' names begin with: nothing, or text that ends in a slash. */
  readonly prefix: string;
  readonly region: string;
}

/** Whether a place of files is a bucket, and no folder. */
export const isBucket = (place: string): boolean => place.startsWith("s3://");

/**
 * Where a bucket is: `s3://bucket[/prefix]`, at `AWS_ENDPOINT_URL`, or Amazon's of `AWS_REGION`.
 *
 * @throws RangeError for text that is no such address
 */
export function bucketPlace(place: string, environment: BucketEnvironment): BucketPlace {
  const [, bucket, prefix = ""] = /^s3:\/\/([a-z0-9][a-z0-9.-]{1,61}[a-z0-9])(?:\/(.*))?$/.exec(place) ?? [];
  if (!bucket) throw new RangeError(`bucket must be s3://name or s3://name/prefix; got ${JSON.stringify(place)}`);
  const { AWS_REGION: region = "us-east-1", AWS_ENDPOINT_URL: endpoint = `https://s3.${region}.amazonaws.com` } =
    environment;
  if (!URL.canParse(endpoint)) {
    throw new RangeError(`AWS_ENDPOINT_URL must be an address; got ${JSON.stringify(endpoint)}`);
  }
  return {
    url: `${endpoint.replace(/\/+$/, "")}/${bucket}`,
    prefix: prefix.replace(/\/*$/, prefix ? "/" : ""),
    region,
  };
}
