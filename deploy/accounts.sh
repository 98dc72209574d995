#!/usr/bin/env bash
# The services' own accounts (decision 23) and what each may do in its project; tables and datasets are granted by `npm run provision`.
#
#   GCP_PROJECT_ID=my-project deploy/accounts.sh
#
# Running it again changes nothing. Run it before the first `npm run provision`, which names the accounts. Needs gcloud, signed in as
# somebody who may make accounts and grant roles.
set -euo pipefail
project=${GCP_PROJECT_ID:?the project, as the services are told it}

# Everybody publishes and hears; readiness looks at a topic.
bus='roles/pubsub.publisher roles/pubsub.subscriber roles/pubsub.viewer'
# For who scales out: each instance makes broadcast subscriptions of its own.
instances='roles/pubsub.editor'
keys='roles/cloudkms.cryptoKeyEncrypterDecrypter roles/cloudkms.viewer'
roles_of() {
  case $1 in
    gateway) echo "$bus $instances" ;;
    # Makes the tenants' datasets.
    tenant-service) echo "$bus $keys roles/bigquery.jobUser roles/bigquery.user" ;;
    scheduler-service) echo "$bus roles/bigquery.jobUser" ;;
    executor-service) echo "$bus $instances $keys roles/bigquery.jobUser" ;;
  esac
}

# An account that was made a moment ago may not be known yet to who grants.
patiently() {
  local attempt
  for attempt in 1 2 3 4 5 6; do
    if "$@"; then return 0; fi
    [ "$attempt" = 6 ] || sleep "${ACCOUNTS_PAUSE:-5}"
  done
  return 1
}

accounts=$(gcloud iam service-accounts list --project="$project" --format='value(email)')
granted=$(gcloud projects get-iam-policy "$project" --flatten='bindings[].members' --format='value(bindings.role,bindings.members)')
made=0
for service in gateway tenant-service scheduler-service executor-service; do
  account="$service@$project.iam.gserviceaccount.com"
  if ! grep -qxF "$account" <<<"$accounts"; then
    gcloud iam service-accounts create "$service" --project="$project" --display-name="Convergence $service"
    made=$((made + 1))
  fi
  for role in $(roles_of "$service"); do
    if grep -qxF "$role"$'\t'"serviceAccount:$account" <<<"$granted"; then continue; fi
    patiently gcloud projects add-iam-policy-binding "$project" --member="serviceAccount:$account" --role="$role" \
      --condition=None --quiet --format=none
    made=$((made + 1))
  done
done
if [ "$made" = 0 ]; then echo 'Nothing was missing.'; else echo "$made accounts and roles made."; fi
