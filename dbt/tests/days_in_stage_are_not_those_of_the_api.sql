-- The API's days_in_stage goes stale. Exits before entries give null and no negative days.
select *
from {{ ref('greenhouse_v3', 'greenhouse__application_history') }}
where days_in_stage < 0
    or (days_in_stage is null and {{ greenhouse_v3.local_date('valid_until') }} >= {{ greenhouse_v3.local_date('valid_from') }})
