-- Un-rejecting leaves rejection_details behind.
select *
from {{ ref('greenhouse_v3', 'greenhouse__application_enhanced') }}
where coalesce(status, '') <> 'rejected'
    and coalesce(rejected_reason_id, rejected_by_user_id) is not null
    or (coalesce(status, '') <> 'rejected' and rejected_at is not null)
