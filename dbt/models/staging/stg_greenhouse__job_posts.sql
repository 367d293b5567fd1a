{{ greenhouse_v3.stage('job_posts') }}
