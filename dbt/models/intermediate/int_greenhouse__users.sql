select
    source_relation,
    id as user_id,
    coalesce(nullif(name, ''), {{ greenhouse_v3.full_name('first_name', 'last_name') }}) as name,
    nullif(primary_email, '') as email,
    coalesce(deactivated, false) as is_deactivated
from {{ ref('greenhouse_v3', 'stg_greenhouse__users') }}
