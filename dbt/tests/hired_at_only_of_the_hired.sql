select *
from {{ ref('greenhouse_v3', 'greenhouse__application_enhanced') }}
where (hired_at is not null and coalesce(status, '') <> 'hired')
    or (hired_at is null) <> (hired_at_from is null)
