with candidates as (
    select * from {{ ref('greenhouse_v3', 'stg_greenhouse__candidates') }}
),

{% for array in ['phone_numbers', 'email_addresses', 'social_media_addresses', 'website_addresses'] %}
each_of_{{ array }} as (
    {{ greenhouse_v3.elements('candidates', array) }}
),
{% endfor %}

phones as (
    select
        source_relation,
        id,
        {{ greenhouse_v3.joined("coalesce(nullif(" ~ greenhouse_v3.json_text('element', ['type']) ~ ", '') || ': ', '') || nullif("
            ~ greenhouse_v3.json_text('element', ['value']) ~ ", '')", 'position') }} as phone
    from each_of_phone_numbers
    group by source_relation, id
),

emails as (
    select
        source_relation,
        id,
        {{ greenhouse_v3.joined("'<' || nullif(" ~ greenhouse_v3.json_text('element', ['value']) ~ ", '') || '>'", 'position') }} as email
    from each_of_email_addresses
    group by source_relation, id
),

-- the last address of social media wins over the last website
addresses as (
    {% for array in ['social_media_addresses', 'website_addresses'] %}
    select
        source_relation,
        id,
        {{ loop.index }} as place,
        position,
        {{ greenhouse_v3.json_text('element', ['value']) }} as address
    from each_of_{{ array }}
    {{ 'union all' if not loop.last }}
    {% endfor %}
),

{% for site in ['linkedin', 'github'] %}
{{ site }} as (
    select
        source_relation,
        id,
        address,
        row_number() over (partition by source_relation, id order by place, position desc) as place
    from addresses
    where lower(address) like '%{{ site }}%'
){{ ',' if not loop.last }}
{% endfor %}

select
    candidates.source_relation,
    candidates.id as candidate_id,
    {{ greenhouse_v3.full_name('candidates.first_name', 'candidates.last_name') }} as full_name,
    candidates.company as current_company,
    candidates.title as current_title,
    coalesce(candidates.{{ greenhouse_v3.quoted('private') }}, false) as is_private,
    candidates.created_at as candidate_created_at,
    candidates.updated_at as last_updated_at,
    coalesce(candidates.first_name = 'Anonymized', false) as is_candidate_anonymized,
    phones.phone,
    emails.email,
    linkedin.address as linkedin_url,
    github.address as github_url
    {%- for field in greenhouse_v3.custom_fields('candidates') %},
    candidates.{{ greenhouse_v3.quoted('custom_' ~ field) }} as {{ greenhouse_v3.quoted('candidate_custom_' ~ field) }}
    {%- endfor %}
from candidates
left join phones on phones.source_relation = candidates.source_relation and phones.id = candidates.id
left join emails on emails.source_relation = candidates.source_relation and emails.id = candidates.id
left join linkedin
    on linkedin.source_relation = candidates.source_relation and linkedin.id = candidates.id and {{ greenhouse_v3.is_first('linkedin.place') }}
left join github
    on github.source_relation = candidates.source_relation and github.id = candidates.id and {{ greenhouse_v3.is_first('github.place') }}
