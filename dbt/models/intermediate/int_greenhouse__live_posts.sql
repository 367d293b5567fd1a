-- Live posts and their places by job. An inactive post is a deleted one, even if it says that it is live
with live_posts as (
    select
        source_relation,
        id,
        job_id,
        coalesce({{ greenhouse_v3.quoted('internal') }}, false) as is_internal
    from {{ ref('greenhouse_v3', 'stg_greenhouse__job_posts') }}
    where live and coalesce(active, true)
),

posts as (
    select
        source_relation,
        job_id,
        count(case when is_internal then 1 end) as count_live_internal_posts,
        count(case when not is_internal then 1 end) as count_live_external_posts
    from live_posts
    group by source_relation, job_id
),

locations as (
    select
        live_posts.source_relation,
        live_posts.job_id,
        count(distinct case
            when locations.office_id is not null
                then 'office ' || cast(locations.office_id as {{ dbt.type_string() }})
            when locations.custom_location_id is not null
                then 'custom ' || cast(locations.custom_location_id as {{ dbt.type_string() }})
            else 'text ' || nullif(trim(lower(locations.plain_text_location)), '')
        end) as count_live_locations
    from live_posts
    inner join {{ ref('greenhouse_v3', 'stg_greenhouse__job_post_locations') }} as locations
        on locations.source_relation = live_posts.source_relation and locations.job_post_id = live_posts.id
    group by live_posts.source_relation, live_posts.job_id
)

select
    posts.source_relation,
    posts.job_id,
    posts.count_live_internal_posts,
    posts.count_live_external_posts,
    locations.count_live_locations
from posts
left join locations on locations.source_relation = posts.source_relation and locations.job_id = posts.job_id
where posts.job_id is not null
