{{ greenhouse_v3.stage('referrers') }}
